-- Purpose: the searches of the year's dates before the first one.
insert into comet_searches (
    recorded_date, hashtag, region, publish_time_days, run_id, round_number, next_offset, stop_reason
)
select
    %(first_date)s::date + day_number as recorded_date,
    'topic' || lpad(tag_number::text, 3, '0') as hashtag,
    'US' as region,
    0 as publish_time_days,
    'scheduled__' || %(first_date)s::date + day_number || 'T02:00:00+00:00' as run_id,
    1 as round_number,
    60 as next_offset,
    'exhausted' as stop_reason
from generate_series(%(date_count)s - 365, -1) as day_number
cross join generate_series(1, %(hashtag_count)s) as tag_number
order by day_number, tag_number
