-- Purpose: a scheduled run per date but for the one that was not run, and one by hand on every third.
insert into comet_runs (
    run_id, recorded_date, timezone, hashtags, min_followers, max_followers, min_video_views, pages_per_hashtag,
    page_size, publish_time_days, region, max_api_calls, is_refresh, is_live, accepted_at
)
with days as (
    select
        day_number,
        %(first_date)s::date + day_number as recorded_date
    from generate_series(0, %(date_count)s - 1) as day_number
),

tags as (
    select array_agg('topic' || lpad(number::text, 3, '0') order by number) as hashtags
    from generate_series(1, %(hashtag_count)s) as number
)

select
    kind.prefix || days.recorded_date || 'T' || kind.started_at || '+00:00' as run_id,
    days.recorded_date,
    'UTC' as timezone,
    tags.hashtags,
    10000 as min_followers,
    100000 as max_followers,
    50000 as min_video_views,
    3 as pages_per_hashtag,
    20 as page_size,
    0 as publish_time_days,
    'US' as region,
    500000 as max_api_calls,
    false as is_refresh,
    true as is_live,
    days.recorded_date + kind.started_at as accepted_at
from days
cross join tags
cross join (values ('scheduled__', time '02:00'), ('manual__', time '11:00')) as kind (prefix, started_at)
where days.day_number <> %(left_out_day)s and (kind.prefix = 'scheduled__' or mod(days.day_number, 3) = 0)
order by accepted_at
