-- Purpose: the scheduled run of the date after the last one.
insert into comet_runs (
    run_id, recorded_date, timezone, hashtags, min_followers, max_followers, min_video_views, pages_per_hashtag,
    page_size, publish_time_days, region, max_api_calls, is_refresh, is_live, accepted_at
)
select
    %(new_run_id)s as run_id,
    recorded_date + 1 as recorded_date,
    timezone,
    hashtags,
    min_followers,
    max_followers,
    min_video_views,
    pages_per_hashtag,
    page_size,
    publish_time_days,
    region,
    max_api_calls,
    is_refresh,
    is_live,
    accepted_at + interval '1 day' as accepted_at
from comet_runs
where run_id = %(last_run_id)s
