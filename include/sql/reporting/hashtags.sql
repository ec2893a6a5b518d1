-- Purpose: what each hashtag of a run gave and cost.
-- Inputs: comet_runs, comet_searches, comet_pages, comet_videos, comet_calls, comet_skipped_calls,
-- comet_run_discoveries, creators.
-- Grain: one row per hashtag of the run, in the run's order. Idempotent: it only reads.
-- Videos are counted once each, however many pages show them; one is tagged if TikHub has said so on any of them, and a
-- Comet if one of the videos that prove it is.
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

searches as (
    select
        search.search_id,
        search.hashtag,
        search.stop_reason,
        search.attempt_number
    from run
    inner join comet_searches as search
        on
            run.recorded_date = search.recorded_date
            and run.region = search.region
            and run.publish_time_days = search.publish_time_days
            and search.hashtag = any(run.hashtags)
),

landed as (
    select
        search.hashtag,
        search.stop_reason,
        coalesce(sum(page.received_count), 0)::bigint as received_count,
        coalesce(sum(page.landed_count), 0)::bigint as landed_count,
        coalesce(sum(page.rejected_count), 0)::bigint as rejected_count
    from searches as search
    left join comet_pages as page
        on search.search_id = page.search_id and search.attempt_number = page.attempt_number
    group by search.hashtag, search.stop_reason
),

videos as (
    select
        search.hashtag,
        count(distinct video.video_id) as video_count,
        count(distinct video.video_id) filter (where video.is_tagged) as tagged_count
    from searches as search
    inner join comet_pages as page
        on search.search_id = page.search_id and search.attempt_number = page.attempt_number
    inner join comet_videos as video on page.page_id = video.page_id
    group by search.hashtag
),

tagged as (
    select distinct
        search.hashtag,
        video.video_id
    from searches as search
    inner join comet_pages as page on search.search_id = page.search_id
    inner join comet_videos as video on page.page_id = video.page_id and video.is_tagged
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

-- By the budget, or by an error that ends all calling, its own or that of a sibling.
stopped as (
    select refusal.hashtag
    from comet_skipped_calls as refusal
    where refusal.run_id = %(run_id)s and refusal.run_attempt = %(run_attempt)s
    union
    select call.hashtag
    from comet_calls as call
    where
        call.run_id = %(run_id)s
        and call.run_attempt = %(run_attempt)s
        and call.error_type in ('TikHubAuthError', 'TikHubBalanceError')
),

found as (
    select
        own.hashtag,
        count(distinct own.user_id) as comet_count,
        count(distinct own.user_id) filter (where creator.found_by_run_id = run.run_id) as new_comet_count,
        count(distinct own.user_id) filter (where creator.found_by_run_id = run.run_id and tagged.video_id is not null)
            as new_tagged_comet_count
    from run
    inner join comet_run_discoveries as own on run.run_id = own.run_id
    left join creators as creator on own.user_id = creator.user_id
    left join tagged on own.hashtag = tagged.hashtag and own.video_id = tagged.video_id
    group by own.hashtag
)

select
    hashtags.hashtag,
    landed.stop_reason,
    called.last_error,
    stopped.hashtag is not null as is_stopped,
    coalesce(landed.received_count, 0) as received_count,
    coalesce(landed.landed_count, 0) as landed_count,
    coalesce(landed.rejected_count, 0) as rejected_count,
    coalesce(videos.video_count, 0) as video_count,
    coalesce(videos.tagged_count, 0) as tagged_count,
    coalesce(found.comet_count, 0) as comet_count,
    coalesce(found.new_comet_count, 0) as new_comet_count,
    coalesce(found.new_tagged_comet_count, 0) as new_tagged_comet_count,
    coalesce(called.call_count, 0) as call_count,
    coalesce(called.billed_count, 0) as billed_count
from hashtags
left join landed on hashtags.hashtag = landed.hashtag
left join videos on hashtags.hashtag = videos.hashtag
left join called on hashtags.hashtag = called.hashtag
left join stopped on hashtags.hashtag = stopped.hashtag
left join found on hashtags.hashtag = found.hashtag
order by hashtags.place
