-- Purpose: the searches of the new run.
insert into comet_searches (
    recorded_date, hashtag, region, publish_time_days, run_id, round_number, next_offset, stop_reason
)
select
    run.recorded_date,
    tag.hashtag,
    run.region,
    run.publish_time_days,
    run.run_id,
    1 as round_number,
    60 as next_offset,
    'exhausted' as stop_reason
from comet_runs as run
cross join lateral unnest(run.hashtags) as tag (hashtag)
where run.run_id = %(new_run_id)s
order by tag.hashtag
