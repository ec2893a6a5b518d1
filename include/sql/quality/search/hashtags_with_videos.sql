-- Fail when no search of a run has landed a video. Without this check a run would succeed without data.
-- A search that failed after its first video counts.
with run as (
    select *
    from comet_runs
    where run_id = %(run_id)s
),

hashtags as (
    select requested.hashtag
    from run
    cross join lateral unnest(run.hashtags) as requested (hashtag)
),

with_videos as (
    select distinct search.hashtag
    from run
    inner join comet_searches as search
        on
            run.recorded_date = search.recorded_date
            and run.region = search.region
            and run.publish_time_days = search.publish_time_days
    inner join comet_pages as page
        on search.search_id = page.search_id and search.attempt_number = page.attempt_number
    where page.landed_count > 0
),

counted as (
    select
        count(*) as hashtag_count,
        count(with_videos.hashtag) as found_count
    from hashtags
    left join with_videos on hashtags.hashtag = with_videos.hashtag
)

select
    counted.found_count as measured_value,
    1 as threshold,
    counted.found_count < 1 as is_failed,
    concat(
        counted.found_count, ' of ', counted.hashtag_count, ' hashtags returned videos in the searches of ',
        run.recorded_date, ' (minimum 1).'
    ) as message,
    'Check that TikTok has videos with these hashtags. Then clear extract_videos with Downstream ticked, or trigger '
    'the date again: its hashtags are searched again.' as remedy
from run
cross join counted
