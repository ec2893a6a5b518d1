-- Purpose: one page of the leaderboard of a date, with the total, the dates beside it and the hashtags to choose from.
-- Inputs: comet_scores, comet_dates, comet_score_parts, creators, comet_discoveries, comet_runs. The date is the newest
-- one that was run where it is null; a page after the last one is the last one. Grain: one row. Idempotent: it only
-- reads.
-- Bound parameters are constants to the planner: it drops a condition on a null one, and with it the join, which finds
-- one row at most. Who matches is joined: by `in`, more names than fit into memory would be gone through for each row.
-- Only the key of the order is kept of all that match; the rest is looked up for those on the page. It is made into
-- json and not jsonb, which takes a third longer for an export.
with run_dates as (
    select recorded_date
    from comet_dates
    where is_run
),

shown as (
    select coalesce(%(recorded_date)s::date, max(run_dates.recorded_date)) as recorded_date
    from run_dates
),

found as (
    select distinct discovery.user_id
    from comet_discoveries as discovery
    cross join shown
    where discovery.hashtag = %(hashtag)s::text and discovery.recorded_date <= shown.recorded_date
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
    inner join shown on score.recorded_date = shown.recorded_date
    left join found on score.user_id = found.user_id
    left join creators as named
        on
            score.user_id = named.user_id
            and (
                strpos(lower(named.handle), lower(%(search)s::text)) > 0
                or strpos(lower(named.nickname), lower(%(search)s::text)) > 0
            )
    where
        (%(min_followers)s::bigint is null or score.follower_count >= %(min_followers)s::bigint)
        and (%(max_followers)s::bigint is null or score.follower_count <= %(max_followers)s::bigint)
        and (%(hashtag)s::text is null or found.user_id is not null)
        and (%(search)s::text is null or named.user_id is not null)
),

counted as (
    select
        count(*) as total_count,
        least(%(page)s::bigint, greatest(ceil(count(*) / %(page_size)s::numeric), 1)::bigint) as page
    from matching
),

size as (
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
    offset (select size.skipped_count from size)
    fetch first %(page_size)s rows only
),

placed as (
    select
        user_id,
        (select size.skipped_count from size)
        + row_number() over (order by sort_key asc nulls last, follower_count desc, user_id asc) as place
    from ordered
),

entries as (
    select
        placed.place,
        figures.*,
        creator.handle,
        creator.nickname,
        creator.status,
        creator.tracked_since,
        coalesce(finder.recorded_date = figures.recorded_date, false) as is_new,
        tags.hashtags,
        parts.parts
    from placed
    cross join shown
    inner join comet_scores as figures
        on placed.user_id = figures.user_id and shown.recorded_date = figures.recorded_date
    inner join creators as creator on placed.user_id = creator.user_id
    left join comet_runs as finder on creator.found_by_run_id = finder.run_id
    inner join lateral (
        select coalesce(jsonb_agg(distinct found.hashtag), '[]') as hashtags
        from comet_discoveries as found
        where found.user_id = placed.user_id and found.recorded_date <= shown.recorded_date
    ) as tags on true
    inner join lateral (
        select json_object_agg(scored.part, row_to_json(scored)) as parts
        from comet_score_parts as scored
        where
            %(has_parts)s
            and scored.recorded_date = shown.recorded_date
            and scored.user_id = placed.user_id
    ) as parts on true
)

select
    shown.recorded_date,
    (select max(run_dates.recorded_date) from run_dates) as latest_date,
    (
        select max(run_dates.recorded_date)
        from run_dates
        where run_dates.recorded_date < shown.recorded_date
    ) as previous_date,
    (
        select min(run_dates.recorded_date)
        from run_dates
        where run_dates.recorded_date > shown.recorded_date
    ) as next_date,
    (
        select to_jsonb(made)
        from comet_dates as made
        where made.recorded_date = shown.recorded_date and made.score_weights is not null
    ) as made,
    (select count(*) > 0 from comet_runs) as is_run,
    size.total_count,
    size.page,
    (select coalesce(json_agg(entries order by entries.place), '[]') from entries) as entries,
    (
        select coalesce(jsonb_agg(distinct asked.hashtag), '[]')
        from comet_runs as run
        cross join lateral unnest(run.hashtags) as asked (hashtag)
    ) as hashtags
from shown
cross join size
