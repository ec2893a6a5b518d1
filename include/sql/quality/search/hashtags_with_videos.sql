-- Purpose: did the run's searches give anything at all? Without this a run would silently succeed with no data.
-- Inputs: comet_runs, comet_searches, comet_pages. Grain: one row. Idempotent: it only reads.
-- A hashtag gave something when its search has landed a video, also when it failed afterwards.
with run as (
    select *
    from comet_runs
    where run_id = %(run_id)s
),

hashtags as (
    select asked.hashtag
    from run
    cross join lateral unnest(run.hashtags) as asked (hashtag)
),

giving as (
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
        count(giving.hashtag) as giving_count
    from hashtags
    left join giving on hashtags.hashtag = giving.hashtag
)

select
    counted.giving_count as measured_value,
    1 as threshold,
    counted.giving_count < 1 as is_failed,
    concat(
        counted.giving_count, ' of ', counted.hashtag_count, ' hashtags gave a video in the searches of ',
        run.recorded_date, ' (threshold: at least 1).'
    ) as message,
    'Look whether TikTok has videos with these hashtags. Then clear extract_videos with Downstream ticked, or trigger '
    'the date again: it is searched again.' as remedy
from run
cross join counted
