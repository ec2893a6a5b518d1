-- Purpose: do most profiles that the run would publish lack their number of followers?
-- Inputs: comet_runs, comet_run_profiles; the largest share and the smallest sample. Grain: one row.
-- Idempotent: it only reads.
with counted as (
    select
        count(*) as profile_count,
        count(*) filter (where follower_count is null) as unknown_count
    from comet_run_profiles
    where run_id = %(run_id)s
),

judged as (
    select
        profile_count,
        unknown_count,
        unknown_count::numeric / nullif(profile_count, 0) as share,
        %(max_missing_field_share)s::numeric as threshold
    from counted
)

select
    judged.share as measured_value,
    judged.threshold,
    coalesce(judged.profile_count >= %(min_sample_count)s and judged.share > judged.threshold, false) as is_failed,
    concat(
        judged.unknown_count, ' of ', judged.profile_count, ' profiles (',
        trim_scale(round(100 * coalesce(judged.share, 0), 2)), ' percent) in the roll call of ', run.recorded_date,
        ' have no follower_count (threshold: at most ', trim_scale(100 * judged.threshold), ' percent, judged from ',
        %(min_sample_count)s, ' profiles on).'
    ) as message,
    'Look at comet_profiles: TikHub may have renamed a field. To ask again, clear roll_call with Downstream ticked, or '
    'trigger the date again. If the value is right, raise checks.max_missing_field_share in include/comets.yaml and '
    'clear this task with Downstream ticked.' as remedy
from comet_runs as run
cross join judged
where run.run_id = %(run_id)s
