-- Restart a search from its first page when a check has discarded it, when a later live run finds it finished, or when
-- another run refreshes it.
-- Idempotent: the search then belongs to this run, so its retries continue where it stopped.
update comet_searches as search
set
    run_id = run.run_id,
    attempt_number = search.attempt_number + 1,
    next_offset = 0,
    page_size = null,
    stop_reason = null,
    is_discarded = false
from comet_runs as run
where
    run.run_id = %(run_id)s
    and search.recorded_date = run.recorded_date
    and search.hashtag = %(hashtag)s
    and search.region = run.region
    and search.publish_time_days = run.publish_time_days
    and (
        search.is_discarded
        or (
            search.run_id <> run.run_id
            and ((run.is_live and search.stop_reason is not null) or run.is_refresh)
        )
    )
