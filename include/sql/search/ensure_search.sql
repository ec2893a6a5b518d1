insert into comet_searches (
    recorded_date, hashtag, region, publish_time_days, run_id, attempt_number, next_offset
)
select
    run.recorded_date,
    %(hashtag)s as hashtag,
    run.region,
    run.publish_time_days,
    run.run_id,
    1 as attempt_number,
    0 as next_offset
from comet_runs as run
where run.run_id = %(run_id)s
on conflict (recorded_date, hashtag, region, publish_time_days) do nothing
