-- Discard the searches of a run if their check failed, so that the next run restarts them.
-- Idempotent: a check that passes later restores them.
with result as (
    select coalesce(bool_or(is_failed), false) as is_discarded
    from comet_quality_checks
    where
        run_id = %(run_id)s
        and check_name in ('search.hashtags_with_videos', 'search.items_without_id', 'search.videos_without_play_count')
)

update comet_searches as search
set is_discarded = result.is_discarded
from comet_runs as run
cross join result
where
    run.run_id = %(run_id)s
    and search.recorded_date = run.recorded_date
    and search.region = run.region
    and search.publish_time_days = run.publish_time_days
    and search.hashtag = any(run.hashtags)
    and search.is_discarded <> result.is_discarded
