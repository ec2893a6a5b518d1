-- Purpose: state whether the run's searches have to be made again, because they gave nothing or lack a field.
-- Inputs: comet_quality_checks, comet_runs. Output: comet_searches.is_discarded. Grain: one row per search of the run.
-- Idempotent: it states the verdict of the last check; a check that passes takes it back.
with verdict as (
    select coalesce(bool_or(is_failed), false) as is_discarded
    from comet_quality_checks
    where
        run_id = %(run_id)s
        and check_name in ('search.hashtags_with_videos', 'search.items_without_id', 'search.videos_without_play_count')
)

update comet_searches as search
set is_discarded = verdict.is_discarded
from comet_runs as run
cross join verdict
where
    run.run_id = %(run_id)s
    and search.recorded_date = run.recorded_date
    and search.region = run.region
    and search.publish_time_days = run.publish_time_days
    and search.hashtag = any(run.hashtags)
    and search.is_discarded <> verdict.is_discarded
