-- Return what each hashtag found and cost in the last days up to the latest run.
-- Grain: one row; entries has one per hashtag. Videos are those of a date's latest run, because its runs find the same
-- ones; a Comet counts once over all dates; calls are summed over all runs.
with last as (
    select max(recorded_date) as recorded_date
    from comet_runs
),

results as (
    select
        run.run_id,
        run.recorded_date,
        run.accepted_at,
        result.*,
        run.recorded_date > last.recorded_date - (%(day_count)s::integer / 2) as is_late
    from last
    inner join comet_runs as run on run.recorded_date > last.recorded_date - %(day_count)s::integer
    inner join lateral (
        select stored.*
        from jsonb_to_recordset(run.report -> 'hashtags') as stored (
            hashtag text, video_count bigint, tagged_count bigint, new_comet_count bigint,
            new_tagged_comet_count bigint, call_count bigint, billed_count bigint
        )
    ) as result on true
),

days as (
    select distinct on (hashtag, recorded_date)
        hashtag,
        recorded_date,
        video_count,
        tagged_count
    from results
    order by hashtag asc, recorded_date asc, accepted_at desc, run_id asc
),

videos as (
    select
        hashtag,
        count(*) as date_count,
        sum(video_count)::bigint as video_count,
        sum(tagged_count)::bigint as tagged_count
    from days
    group by hashtag
),

comets as (
    select
        discovery.hashtag,
        count(distinct discovery.user_id) as comet_count
    from last
    inner join comet_runs as run on run.recorded_date > last.recorded_date - %(day_count)s::integer
    inner join comet_run_discoveries as discovery on run.run_id = discovery.run_id
    group by discovery.hashtag
),

new_per_day as (
    select
        hashtag,
        recorded_date,
        is_late,
        sum(new_comet_count)::bigint as new_comet_count,
        sum(new_tagged_comet_count)::bigint as new_tagged_comet_count
    from results
    group by hashtag, recorded_date, is_late
),

new_comets as (
    select
        hashtag,
        sum(new_comet_count)::bigint as new_comet_count,
        sum(new_tagged_comet_count)::bigint as new_tagged_comet_count,
        coalesce(sum(new_comet_count) filter (where not is_late), 0)::bigint as earlier_new_comet_count,
        coalesce(sum(new_comet_count) filter (where is_late), 0)::bigint as later_new_comet_count,
        jsonb_agg(
            jsonb_build_object('recorded_date', recorded_date, 'new_comet_count', new_comet_count)
            order by recorded_date
        ) as days
    from new_per_day
    group by hashtag
),

costs as (
    select
        hashtag,
        count(*) as run_count,
        sum(call_count)::bigint as call_count,
        sum(billed_count)::bigint as billed_count
    from results
    group by hashtag
),

entries as (
    select
        videos.*,
        coalesce(comets.comet_count, 0) as comet_count,
        new_comets.new_comet_count,
        new_comets.new_tagged_comet_count,
        new_comets.earlier_new_comet_count,
        new_comets.later_new_comet_count,
        new_comets.days,
        costs.run_count,
        costs.call_count,
        costs.billed_count,
        videos.tagged_count / nullif(videos.video_count, 0)::double precision as precision_rate,
        new_comets.new_comet_count / nullif(costs.billed_count, 0)::double precision as new_comets_per_call,
        new_comets.new_tagged_comet_count / nullif(costs.billed_count, 0)::double precision
            as new_tagged_comets_per_call,
        costs.billed_count * %(price_usd)s::double precision as cost_usd,
        costs.billed_count * %(price_usd)s::double precision / nullif(new_comets.new_comet_count, 0)
            as cost_per_new_comet_usd,
        new_comets.later_new_comet_count - new_comets.earlier_new_comet_count as trend
    from videos
    inner join costs on videos.hashtag = costs.hashtag
    inner join new_comets on videos.hashtag = new_comets.hashtag
    left join comets on videos.hashtag = comets.hashtag
)

select
    last.recorded_date as last_date,
    last.recorded_date - %(day_count)s::integer + 1 as first_date,
    (select coalesce(jsonb_agg(to_jsonb(entries) order by entries.hashtag), '[]') from entries) as entries
from last
