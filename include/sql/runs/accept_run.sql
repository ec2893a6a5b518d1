-- Store the request of a run, which its later steps read by run_id.
-- Idempotent: a cleared run replaces its request and keeps accepted_at.
insert into comet_runs (
    run_id, recorded_date, timezone, hashtags,
    min_followers, max_followers, min_video_views,
    pages_per_hashtag, page_size, publish_time_days, region,
    max_api_calls, is_refresh, is_live, is_made_up, accepted_at
)
values (
    %(run_id)s, %(recorded_date)s::date, %(timezone)s, %(hashtags)s::text[],
    %(min_followers)s, %(max_followers)s, %(min_video_views)s,
    %(pages_per_hashtag)s, %(page_size)s, %(publish_time_days)s, %(region)s,
    %(max_api_calls)s, %(is_refresh)s, %(is_live)s, %(is_made_up)s, %(accepted_at)s::timestamptz
)
on conflict (run_id) do update set
    recorded_date = excluded.recorded_date,
    timezone = excluded.timezone,
    hashtags = excluded.hashtags,
    min_followers = excluded.min_followers,
    max_followers = excluded.max_followers,
    min_video_views = excluded.min_video_views,
    pages_per_hashtag = excluded.pages_per_hashtag,
    page_size = excluded.page_size,
    publish_time_days = excluded.publish_time_days,
    region = excluded.region,
    max_api_calls = excluded.max_api_calls,
    is_refresh = excluded.is_refresh,
    is_live = excluded.is_live
