-- Purpose: state whether the profiles that the run would publish are not to be believed: then they count for nothing,
-- and their accounts are asked for again. What another run of the date has recorded meanwhile is not refused any more.
-- Inputs: comet_gates, comet_run_readings, creator_stats. Output: comet_profiles.is_refused.
-- Grain: one row per reading of the run.
-- Idempotent: it states the verdict of the last check; a check that passes takes it back.
with verdict as (
    select coalesce(bool_or(is_tripped), false) as is_refused
    from comet_gates
    where
        run_id = %(run_id)s
        and gate in ('roll_call.profiles_without_followers', 'roll_call.followers_halved')
)

update comet_profiles as profile
set is_refused = verdict.is_refused
from comet_run_readings as reading
cross join verdict
where
    reading.run_id = %(run_id)s
    and profile.item_id = reading.item_id
    and profile.is_refused <> verdict.is_refused
    and not exists (
        select 1
        from creator_stats as stats
        where
            stats.recorded_date = profile.observed_date
            and stats.user_id = profile.user_id
            and stats.counted_at = profile.observed_at
    )
