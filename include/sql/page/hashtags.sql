-- Purpose: what each hashtag gave and cost in the last days up to the latest run.
-- Inputs: comet_runs, comet_run_hashtags. Grain: one row; entries has one per hashtag. Idempotent: it only reads.
-- Several runs of a date see the same videos and the same new Comets: the latest one with the hashtag speaks for the
-- date. Each of them was paid for, so calls are summed over all.
with last as (
    select max(recorded_date) as recorded_date
    from comet_runs
),

found as (
    select
        run.recorded_date,
        run.accepted_at,
        figure.*,
        run.recorded_date > last.recorded_date - (%(day_count)s::integer / 2) as is_late
    from last
    inner join comet_runs as run on run.recorded_date > last.recorded_date - %(day_count)s::integer
    inner join comet_run_hashtags as figure on run.run_id = figure.run_id
),

days as (
    select distinct on (hashtag, recorded_date)
        hashtag,
        recorded_date,
        is_late,
        video_count,
        tagged_count,
        comet_count,
        new_comet_count
    from found
    order by hashtag asc, recorded_date asc, accepted_at desc, run_id asc
),

given as (
    select
        hashtag,
        count(*) as date_count,
        sum(video_count)::bigint as video_count,
        sum(tagged_count)::bigint as tagged_count,
        sum(comet_count)::bigint as comet_count,
        sum(new_comet_count)::bigint as new_comet_count,
        coalesce(sum(new_comet_count) filter (where not is_late), 0)::bigint as earlier_new_comet_count,
        coalesce(sum(new_comet_count) filter (where is_late), 0)::bigint as later_new_comet_count,
        jsonb_agg(
            jsonb_build_object('recorded_date', recorded_date, 'new_comet_count', new_comet_count)
            order by recorded_date
        ) as days
    from days
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
        paid.run_count,
        paid.call_count,
        paid.billed_count,
        given.tagged_count / nullif(given.video_count, 0)::double precision as precision_rate,
        given.new_comet_count / nullif(paid.billed_count, 0)::double precision as new_comets_per_call,
        paid.billed_count * %(price_usd)s::double precision as cost_usd,
        paid.billed_count * %(price_usd)s::double precision / nullif(given.new_comet_count, 0)
            as cost_per_new_comet_usd,
        given.later_new_comet_count - given.earlier_new_comet_count as trend
    from given
    inner join paid on given.hashtag = paid.hashtag
)

select
    last.recorded_date as last_date,
    last.recorded_date - %(day_count)s::integer + 1 as first_date,
    (select coalesce(jsonb_agg(to_jsonb(entries) order by entries.hashtag), '[]') from entries) as entries
from last
