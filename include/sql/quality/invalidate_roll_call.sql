-- Purpose: state whether the profiles that the run would publish are not to be believed: then they count for nothing,
-- and their accounts are asked for again. What another run of the date has recorded meanwhile is not refused any more.
-- Inputs: comet_quality_checks, comet_run_profiles, creator_stats. Output: comet_profiles.is_discarded.
-- Grain: one row per reading of the run.
-- Idempotent: it states the verdict of the last check; a check that passes takes it back.
with verdict as (
    select coalesce(bool_or(is_failed), false) as is_discarded
    from comet_quality_checks
    where
        run_id = %(run_id)s
        and check_name in ('roll_call.profiles_without_followers', 'roll_call.followers_halved')
)

update comet_profiles as profile
set is_discarded = verdict.is_discarded
from comet_run_profiles as reading
cross join verdict
where
    reading.run_id = %(run_id)s
    and profile.item_id = reading.item_id
    and profile.is_discarded <> verdict.is_discarded
    and not exists (
        select 1
        from creator_stats as stats
        where
            stats.recorded_date = profile.observed_date
            and stats.user_id = profile.user_id
            and stats.counted_at = profile.observed_at
    )
