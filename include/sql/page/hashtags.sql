-- Return one page of what each hashtag found and cost in the last days up to the latest run.
-- Grain: one row; entries has one per hashtag. Videos are those of a date's latest run, because its runs find the same
-- ones; a Comet counts once over all dates; calls are summed over all runs. Days and Comets, which take most time, are
-- read for the listed hashtags only, unless they are sorted by their Comets.
with last as (
    select max(recorded_date) as recorded_date
    from comet_runs
),

period as (
    select
        run.run_id,
        run.recorded_date,
        run.accepted_at,
        run.recorded_date > last.recorded_date - (%(day_count)s::integer / 2) as is_late
    from last
    inner join comet_runs as run on run.recorded_date > last.recorded_date - %(day_count)s::integer
),

results as (
    select
        period.recorded_date,
        period.is_late,
        result.*,
        row_number() over latest_first = 1 as is_latest
    from period
    inner join comet_hashtag_results as result on period.run_id = result.run_id
    window latest_first as (
        partition by result.hashtag, period.recorded_date order by period.accepted_at desc, period.run_id asc
    )
),

counted as (
    select
        hashtag,
        count(*) filter (where is_latest) as date_count,
        coalesce(sum(video_count) filter (where is_latest), 0)::bigint as video_count,
        coalesce(sum(tagged_count) filter (where is_latest), 0)::bigint as tagged_count,
        sum(new_comet_count)::bigint as new_comet_count,
        sum(new_tagged_comet_count)::bigint as new_tagged_comet_count,
        coalesce(sum(new_comet_count) filter (where not is_late), 0)::bigint as earlier_new_comet_count,
        coalesce(sum(new_comet_count) filter (where is_late), 0)::bigint as later_new_comet_count,
        count(*) as run_count,
        sum(call_count)::bigint as call_count,
        sum(billed_count)::bigint as billed_count
    from results
    group by hashtag
),

rated as (
    select
        *,
        tagged_count / nullif(video_count, 0)::double precision as precision_rate,
        new_comet_count / nullif(billed_count, 0)::double precision as new_comets_per_call,
        new_tagged_comet_count / nullif(billed_count, 0)::double precision as new_tagged_comets_per_call,
        billed_count * %(price_usd)s::double precision as cost_usd,
        billed_count * %(price_usd)s::double precision / nullif(new_comet_count, 0) as cost_per_new_comet_usd,
        later_new_comet_count - earlier_new_comet_count as trend
    from counted
),

comets_of_all as (
    select
        discovery.hashtag,
        count(distinct discovery.user_id) as comet_count
    from period
    inner join comet_run_discoveries as discovery on period.run_id = discovery.run_id
    where %(sort)s = 'comets'
    group by discovery.hashtag
),

ranked as (
    select
        rated.*,
        case %(sort)s
            when 'runs' then rated.run_count
            when 'videos' then rated.video_count
            when 'precision' then rated.precision_rate
            when 'comets' then coalesce(comets_of_all.comet_count, 0)
            when 'new' then rated.new_comet_count
            when 'calls' then rated.billed_count
            when 'yield' then rated.new_comets_per_call
            when 'tagged' then rated.new_tagged_comets_per_call
            when 'cost' then rated.cost_per_new_comet_usd
            when 'trend' then rated.trend
        end as sort_key
    from rated
    left join comets_of_all on rated.hashtag = comets_of_all.hashtag
),

paging as (
    select
        count(*) as total_count,
        least(%(page)s::bigint, greatest(ceil(count(*) / %(page_size)s::numeric), 1)::bigint) as page
    from ranked
),

listed as (
    select
        ranked.*,
        row_number() over (
            order by
                case when %(is_descending)s then ranked.sort_key end desc nulls last,
                case when not %(is_descending)s then ranked.sort_key end asc nulls last,
                case when %(sort)s = 'hashtag' and %(is_descending)s then ranked.hashtag end desc,
                ranked.hashtag asc
        ) as place
    from ranked
    order by place
    offset (select (paging.page - 1) * %(page_size)s::bigint from paging)
    fetch first %(page_size)s rows only
),

comets as (
    select
        discovery.hashtag,
        count(distinct discovery.user_id) as comet_count
    from period
    inner join comet_run_discoveries as discovery on period.run_id = discovery.run_id
    where discovery.hashtag in (select listed.hashtag from listed)
    group by discovery.hashtag
),

new_per_day as (
    select
        hashtag,
        recorded_date,
        sum(new_comet_count)::bigint as new_comet_count
    from results
    where hashtag in (select listed.hashtag from listed)
    group by hashtag, recorded_date
),

days as (
    select
        hashtag,
        jsonb_agg(
            jsonb_build_object('recorded_date', recorded_date, 'new_comet_count', new_comet_count)
            order by recorded_date
        ) as days
    from new_per_day
    group by hashtag
),

entries as (
    select
        listed.*,
        coalesce(comets.comet_count, 0) as comet_count,
        days.days
    from listed
    inner join days on listed.hashtag = days.hashtag
    left join comets on listed.hashtag = comets.hashtag
)

select
    last.recorded_date as last_date,
    last.recorded_date - %(day_count)s::integer + 1 as first_date,
    paging.total_count,
    paging.page,
    (
        select coalesce(jsonb_agg(to_jsonb(entries) - 'place' - 'sort_key' order by entries.place), '[]')
        from entries
    ) as entries
from last
cross join paging
