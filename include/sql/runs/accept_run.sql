-- Store the request of a run, which its later steps read by run_id: a JSON object of columns, each param by its name.
-- Idempotent: a cleared run replaces its request and keeps accepted_at.
insert into comet_runs
select *  -- noqa: AM04
from jsonb_populate_record(null::comet_runs, %(request)s::jsonb)
on conflict (run_id) do update set
    recorded_date = excluded.recorded_date,
    timezone = excluded.timezone,
    hashtags = excluded.hashtags,
    min_followers = excluded.min_followers,
    max_followers = excluded.max_followers,
    min_video_views = excluded.min_video_views,
    min_video_likes = excluded.min_video_likes,
    pages_per_hashtag = excluded.pages_per_hashtag,
    page_size = excluded.page_size,
    publish_time_days = excluded.publish_time_days,
    region = excluded.region,
    max_api_calls = excluded.max_api_calls,
    is_refresh = excluded.is_refresh,
    is_live = excluded.is_live
