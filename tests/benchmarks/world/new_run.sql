-- Purpose: a run of a date that was not run, with the params of the last run.
insert into comet_runs (
    run_id, recorded_date, timezone, hashtags, min_followers, max_followers, min_video_views, pages_per_hashtag,
    page_size, publish_time_days, region, max_api_calls, is_refresh, is_live, accepted_at
)
select
    %(new_run_id)s as run_id,
    %(new_date)s::date as recorded_date,
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
    %(is_live)s as is_live,
    accepted_at + interval '1 day' as accepted_at
from comet_runs
where run_id = %(last_run_id)s
