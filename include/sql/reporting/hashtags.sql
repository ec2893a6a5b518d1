-- Return what each hashtag of a run found and cost.
-- Grain: one row per hashtag, in the run's order. A video counts once, however many pages show it. It is tagged if any
-- page says so; a Comet is tagged if one of its qualifying videos is.
with run as (
    select *
    from comet_runs
    where run_id = %(run_id)s
),

hashtags as (
    select
        requested.hashtag,
        requested.place
    from run
    cross join lateral unnest(run.hashtags) with ordinality as requested (hashtag, place)
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

calls as (
    select
        call.hashtag,
        count(*) as call_count,
        count(*) filter (where call.is_billed) as billed_count,
        (array_agg(call.error order by call.call_id desc) filter (where call.error is not null))[1] as last_error
    from comet_calls as call
    inner join run on call.run_id = run.run_id
    group by call.hashtag
),

-- By the budget, or by an error that stops all further calls, its discovery or that of another task.
stopped as (
    select skipped_call.hashtag
    from comet_skipped_calls as skipped_call
    where skipped_call.run_id = %(run_id)s and skipped_call.run_attempt = %(run_attempt)s
    union
    select call.hashtag
    from comet_calls as call
    where
        call.run_id = %(run_id)s
        and call.run_attempt = %(run_attempt)s
        and call.error_type in ('TikHubAuthError', 'TikHubBalanceError')
),

discoveries as (
    select
        discovery.hashtag,
        count(distinct discovery.user_id) as comet_count,
        count(distinct discovery.user_id) filter (where creator.found_by_run_id = run.run_id) as new_comet_count,
        count(distinct discovery.user_id) filter (
            where creator.found_by_run_id = run.run_id and tagged.video_id is not null
        ) as new_tagged_comet_count
    from run
    inner join comet_run_discoveries as discovery on run.run_id = discovery.run_id
    left join creators as creator on discovery.user_id = creator.user_id
    left join tagged on discovery.hashtag = tagged.hashtag and discovery.video_id = tagged.video_id
    group by discovery.hashtag
)

select
    hashtags.hashtag,
    landed.stop_reason,
    calls.last_error,
    stopped.hashtag is not null as is_stopped,
    coalesce(landed.received_count, 0) as received_count,
    coalesce(landed.landed_count, 0) as landed_count,
    coalesce(landed.rejected_count, 0) as rejected_count,
    coalesce(videos.video_count, 0) as video_count,
    coalesce(videos.tagged_count, 0) as tagged_count,
    coalesce(discoveries.comet_count, 0) as comet_count,
    coalesce(discoveries.new_comet_count, 0) as new_comet_count,
    coalesce(discoveries.new_tagged_comet_count, 0) as new_tagged_comet_count,
    coalesce(calls.call_count, 0) as call_count,
    coalesce(calls.billed_count, 0) as billed_count
from hashtags
left join landed on hashtags.hashtag = landed.hashtag
left join videos on hashtags.hashtag = videos.hashtag
left join calls on hashtags.hashtag = calls.hashtag
left join stopped on hashtags.hashtag = stopped.hashtag
left join discoveries on hashtags.hashtag = discoveries.hashtag
order by hashtags.place
