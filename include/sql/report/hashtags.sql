-- Purpose: what each hashtag of a run gave and cost.
-- Inputs: comet_runs, comet_searches, comet_pages, comet_calls, comet_run_discoveries, creators.
-- Grain: one row per hashtag of the run, in the run's order. Idempotent: it only reads.
with run as (
    select *
    from comet_runs
    where run_id = %(run_id)s
),

hashtags as (
    select
        asked.hashtag,
        asked.place
    from run
    cross join lateral unnest(run.hashtags) with ordinality as asked (hashtag, place)
),

landed as (
    select
        search.hashtag,
        search.stop_reason,
        count(page.page_id) as page_count,
        coalesce(sum(page.received_count), 0)::bigint as received_count,
        coalesce(sum(page.landed_count), 0)::bigint as landed_count,
        coalesce(sum(page.rejected_count), 0)::bigint as rejected_count
    from run
    inner join comet_searches as search
        on
            run.recorded_date = search.recorded_date
            and run.region = search.region
            and run.publish_time_days = search.publish_time_days
    left join comet_pages as page
        on search.search_id = page.search_id and search.round_number = page.round_number
    group by search.hashtag, search.stop_reason
),

called as (
    select
        call.hashtag,
        count(*) as call_count,
        count(*) filter (where call.is_billed) as billed_count,
        (array_agg(call.error order by call.call_id desc) filter (where call.error is not null))[1] as last_error
    from comet_calls as call
    inner join run on call.run_id = run.run_id
    group by call.hashtag
),

found as (
    select
        own.hashtag,
        count(distinct own.user_id) as comet_count,
        count(distinct own.user_id) filter (where creator.tracked_since = run.recorded_date) as new_comet_count
    from run
    inner join comet_run_discoveries as own on run.run_id = own.run_id
    left join creators as creator on own.user_id = creator.user_id
    group by own.hashtag
)

select
    hashtags.hashtag,
    landed.stop_reason,
    called.last_error,
    coalesce(landed.page_count, 0) as page_count,
    coalesce(landed.received_count, 0) as received_count,
    coalesce(landed.landed_count, 0) as landed_count,
    coalesce(landed.rejected_count, 0) as rejected_count,
    coalesce(found.comet_count, 0) as comet_count,
    coalesce(found.new_comet_count, 0) as new_comet_count,
    coalesce(called.call_count, 0) as call_count,
    coalesce(called.billed_count, 0) as billed_count
from hashtags
left join landed on hashtags.hashtag = landed.hashtag
left join called on hashtags.hashtag = called.hashtag
left join found on hashtags.hashtag = found.hashtag
order by hashtags.place
