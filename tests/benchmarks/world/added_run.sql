-- Purpose: a run of the date in the history that was not run: a date of the past, for which nothing is landed.
insert into comet_runs (
    run_id, recorded_date, timezone, hashtags, min_followers, max_followers, min_video_views, pages_per_hashtag,
    page_size, publish_time_days, region, max_api_calls, is_refresh, is_live, accepted_at
)
select
    %(added_run_id)s as run_id,
    %(first_date)s::date + %(left_out_day)s as recorded_date,
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
    false as is_live,
    accepted_at + interval '1 day' as accepted_at
from comet_runs
where run_id = %(last_run_id)s
