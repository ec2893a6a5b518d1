-- Discard the profiles that a run would publish if their check failed: they count for nothing and are fetched again.
-- Readings that another run of the date has recorded meanwhile stay.
-- Idempotent: a check that passes later restores them.
with result as (
    select coalesce(bool_or(is_failed), false) as is_discarded
    from comet_quality_checks
    where
        run_id = %(run_id)s
        and check_name in ('roll_call.profiles_without_followers', 'roll_call.followers_halved')
)

update comet_profiles as profile
set is_discarded = result.is_discarded
from comet_run_profiles as reading
cross join result
where
    reading.run_id = %(run_id)s
    and profile.item_id = reading.item_id
    and profile.is_discarded <> result.is_discarded
    and not exists (
        select 1
        from creator_stats as stats
        where
            stats.recorded_date = profile.observed_date
            and stats.user_id = profile.user_id
            and stats.counted_at = profile.observed_at
    )
