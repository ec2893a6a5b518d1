-- Fail when too many profiles that a run would publish lack their follower count.
with counted as (
    select
        count(*) as profile_count,
        count(*) filter (where follower_count is null) as unknown_count
    from comet_run_profiles
    where run_id = %(run_id)s
),

measured as (
    select
        profile_count,
        unknown_count,
        unknown_count::numeric / nullif(profile_count, 0) as share,
        %(max_missing_field_share)s::numeric as threshold
    from counted
)

select
    measured.share as measured_value,
    measured.threshold,
    coalesce(
        measured.profile_count >= %(min_sample_count)s and measured.share > measured.threshold, false
    ) as is_failed,
    concat(
        measured.unknown_count, ' of ', measured.profile_count, ' profiles (',
        trim_scale(round(100 * coalesce(measured.share, 0), 2)), ' %%) in the roll call of ', run.recorded_date,
        ' have no follower_count (maximum ', trim_scale(100 * measured.threshold), ' %%, with at least ',
        %(min_sample_count)s, ' profiles).'
    ) as message,
    'Check comet_profiles: TikHub may have renamed a field. To fetch again, clear roll_call with Downstream ticked, or '
    'trigger the date again. If the value is right, raise checks.max_missing_field_share in include/comets.yaml and '
    'clear this task with Downstream ticked.' as remedy
from comet_runs as run
cross join measured
where run.run_id = %(run_id)s
