-- Return one page of the leaderboard of a date (by default the newest), with the neighbouring dates and, for the
-- filter, up to 200 hashtags of the last 30 runs.
-- Grain: one row; a page after the last one is the last one.
-- The planner drops a join whose bound parameter is null. Names are matched by a join, as `in` scans a list per row.
-- Sort keys alone decide the order; json is built for the page's rows only, and jsonb would take a third longer.
with run_dates as (
    select recorded_date
    from comet_dates
    where is_run
),

selected as (
    select coalesce(%(recorded_date)s::date, max(run_dates.recorded_date)) as recorded_date
    from run_dates
),

with_hashtag as (
    select distinct discovery.user_id
    from comet_discoveries as discovery
    cross join selected
    where discovery.hashtag = %(hashtag)s::text and discovery.recorded_date <= selected.recorded_date
),

matching as materialized (
    select
        score.user_id,
        score.follower_count,
        case when %(is_descending)s then -1 else 1 end
        * case %(sort)s::text
            when 'followers' then score.follower_count::double precision
            when 'growth' then score.daily_growth_followers::double precision
            when 'rate' then score.growth_rate
            when 'growth_1d' then score.growth_1d_rate
            when 'growth_7d' then score.growth_7d_rate
            when 'growth_30d' then score.growth_30d_rate
            when 'acceleration' then score.acceleration
            when 'engagement' then score.engagement_rate
            when 'reach' then score.view_follower_ratio
            when 'breakout' then score.breakout_ratio
            else score.score::double precision
        end as sort_key
    from comet_scores as score
    inner join selected on score.recorded_date = selected.recorded_date
    left join with_hashtag on score.user_id = with_hashtag.user_id
    left join creators as matched
        on
            score.user_id = matched.user_id
            and (
                strpos(lower(matched.handle), lower(%(search)s::text)) > 0
                or strpos(lower(matched.nickname), lower(%(search)s::text)) > 0
            )
    where
        (%(min_followers)s::bigint is null or score.follower_count >= %(min_followers)s::bigint)
        and (%(max_followers)s::bigint is null or score.follower_count <= %(max_followers)s::bigint)
        and (%(hashtag)s::text is null or with_hashtag.user_id is not null)
        and (%(search)s::text is null or matched.user_id is not null)
),

counted as (
    select
        count(*) as total_count,
        least(%(page)s::bigint, greatest(ceil(count(*) / %(page_size)s::numeric), 1)::bigint) as page
    from matching
),

paging as (
    select
        total_count,
        page,
        (page - 1) * %(page_size)s::bigint as skipped_count
    from counted
),

ordered as (
    select
        user_id,
        follower_count,
        sort_key
    from matching
    order by sort_key asc nulls last, follower_count desc, user_id asc
    offset (select paging.skipped_count from paging)
    fetch first %(page_size)s rows only
),

ranked as (
    select
        user_id,
        (select paging.skipped_count from paging)
        + row_number() over (order by sort_key asc nulls last, follower_count desc, user_id asc) as place
    from ordered
),

newest_discoveries as (
    select
        ranked.user_id,
        newest.hashtag
    from ranked
    cross join selected
    inner join lateral (
        select discovery.hashtag
        from comet_discoveries as discovery
        where discovery.user_id = ranked.user_id and discovery.recorded_date <= selected.recorded_date
        order by discovery.recorded_date desc
        limit 100
    ) as newest on true
),

tags as (
    select
        user_id,
        jsonb_agg(distinct hashtag) as hashtags
    from newest_discoveries
    group by user_id
),

entries as (
    select
        ranked.place,
        figures.*,
        creator.handle,
        creator.nickname,
        creator.status,
        creator.tracked_since,
        coalesce(finder.recorded_date = figures.recorded_date, false) as is_new,
        coalesce(tags.hashtags, '[]') as hashtags,
        parts.parts
    from ranked
    cross join selected
    inner join comet_scores as figures
        on ranked.user_id = figures.user_id and selected.recorded_date = figures.recorded_date
    inner join creators as creator on ranked.user_id = creator.user_id
    left join comet_runs as finder on creator.found_by_run_id = finder.run_id
    left join tags on ranked.user_id = tags.user_id
    inner join lateral (
        select json_object_agg(scored.part, row_to_json(scored)) as parts
        from comet_score_parts as scored
        where
            %(has_parts)s
            and scored.recorded_date = selected.recorded_date
            and scored.user_id = ranked.user_id
    ) as parts on true
),

last_runs as (
    select hashtags
    from comet_runs
    order by recorded_date desc, accepted_at desc
    limit 30
),

requested as (
    select distinct tag.hashtag
    from last_runs
    inner join lateral unnest(last_runs.hashtags[:100]) as tag (hashtag) on not %(has_parts)s
    order by tag.hashtag
    limit 200
)

select
    selected.recorded_date,
    (select max(run_dates.recorded_date) from run_dates) as latest_date,
    (
        select max(run_dates.recorded_date)
        from run_dates
        where run_dates.recorded_date < selected.recorded_date
    ) as previous_date,
    (
        select min(run_dates.recorded_date)
        from run_dates
        where run_dates.recorded_date > selected.recorded_date
    ) as next_date,
    (
        select to_jsonb(made)
        from comet_dates as made
        where made.recorded_date = selected.recorded_date and made.score_weights is not null
    ) as made,
    (select count(*) > 0 from comet_runs) as is_run,
    paging.total_count,
    paging.page,
    (select coalesce(json_agg(entries order by entries.place), '[]') from entries) as entries,
    (select coalesce(jsonb_agg(requested.hashtag order by requested.hashtag), '[]') from requested) as hashtags
from selected
cross join paging
