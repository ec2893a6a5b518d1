-- Continue a search that another run left unfinished.
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
