-- Purpose: the search of each hashtag on each date, or by the new run where there is one.
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
where starts_with(run.run_id, 'scheduled__') and run.run_id = coalesce(%(new_run_id)s::text, run.run_id)
order by run.recorded_date, tag.hashtag
