-- Purpose: let this run go on with a search that another run has left unfinished.
-- Inputs: comet_runs, comet_searches. Grain: at most one row.
-- Idempotent: it states the owner; what was landed and the place to go on from stay.
update comet_searches as search
set run_id = run.run_id
from comet_runs as run
where
    run.run_id = %(run_id)s
    and search.recorded_date = run.recorded_date
    and search.hashtag = %(hashtag)s
    and search.region = run.region
    and search.publish_time_days = run.publish_time_days
    and search.stop_reason is null
