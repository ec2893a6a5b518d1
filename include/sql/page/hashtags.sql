-- Purpose: what each hashtag gave and cost in the last days up to the latest run.
-- Inputs: comet_runs, with what their reports have counted, comet_run_discoveries.
-- Grain: one row; entries has one per hashtag. Idempotent: it only reads.
-- Several runs of a date see the same videos: the latest one with the hashtag speaks for the date. A Comet counts once
-- however many dates find it, and is new in one run only. Each run was paid for, so calls are summed over all.
with last as (
    select max(recorded_date) as recorded_date
    from comet_runs
),

found as (
    select
        run.run_id,
        run.recorded_date,
        run.accepted_at,
        figure.*,
        run.recorded_date > last.recorded_date - (%(day_count)s::integer / 2) as is_late
    from last
    inner join comet_runs as run on run.recorded_date > last.recorded_date - %(day_count)s::integer
    inner join lateral (
        select stored.*
        from jsonb_to_recordset(run.report -> 'hashtags') as stored (
            hashtag text, video_count bigint, tagged_count bigint, new_comet_count bigint,
            new_tagged_comet_count bigint, call_count bigint, billed_count bigint
        )
    ) as figure on true
),

days as (
    select distinct on (hashtag, recorded_date)
        hashtag,
        recorded_date,
        video_count,
        tagged_count
    from found
    order by hashtag asc, recorded_date asc, accepted_at desc, run_id asc
),

given as (
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
        own.hashtag,
        count(distinct own.user_id) as comet_count
    from last
    inner join comet_runs as run on run.recorded_date > last.recorded_date - %(day_count)s::integer
    inner join comet_run_discoveries as own on run.run_id = own.run_id
    group by own.hashtag
),

new_per_day as (
    select
        hashtag,
        recorded_date,
        is_late,
        sum(new_comet_count)::bigint as new_comet_count,
        sum(new_tagged_comet_count)::bigint as new_tagged_comet_count
    from found
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

paid as (
    select
        hashtag,
        count(*) as run_count,
        sum(call_count)::bigint as call_count,
        sum(billed_count)::bigint as billed_count
    from found
    group by hashtag
),

entries as (
    select
        given.*,
        coalesce(comets.comet_count, 0) as comet_count,
        new_comets.new_comet_count,
        new_comets.new_tagged_comet_count,
        new_comets.earlier_new_comet_count,
        new_comets.later_new_comet_count,
        new_comets.days,
        paid.run_count,
        paid.call_count,
        paid.billed_count,
        given.tagged_count / nullif(given.video_count, 0)::double precision as precision_rate,
        new_comets.new_comet_count / nullif(paid.billed_count, 0)::double precision as new_comets_per_call,
        new_comets.new_tagged_comet_count / nullif(paid.billed_count, 0)::double precision
            as new_tagged_comets_per_call,
        paid.billed_count * %(price_usd)s::double precision as cost_usd,
        paid.billed_count * %(price_usd)s::double precision / nullif(new_comets.new_comet_count, 0)
            as cost_per_new_comet_usd,
        new_comets.later_new_comet_count - new_comets.earlier_new_comet_count as trend
    from given
    inner join paid on given.hashtag = paid.hashtag
    inner join new_comets on given.hashtag = new_comets.hashtag
    left join comets on given.hashtag = comets.hashtag
)

select
    last.recorded_date as last_date,
    last.recorded_date - %(day_count)s::integer + 1 as first_date,
    (select coalesce(jsonb_agg(to_jsonb(entries) order by entries.hashtag), '[]') from entries) as entries
from last
