-- Fail when too many creators have lost half of their followers or more since their newest count before the run's date:
-- one creator can, many at once mean wrong counts.
with readings as (
    select
        run.recorded_date,
        coalesce(legacy.user_id, reading.user_id) as user_id,
        reading.follower_count
    from comet_runs as run
    inner join comet_run_profiles as reading on run.run_id = reading.run_id
    -- A creator keyed by sec_uid moves to its numeric id only after this check.
    left join creators as legacy on reading.asked_id = legacy.user_id and reading.asked_id <> reading.user_id
    where run.run_id = %(run_id)s and reading.follower_count is not null
),

compared as (
    select
        reading.follower_count as now_count,
        earlier.follower_count as then_count
    from readings as reading
    inner join lateral comet_newest(reading.user_id, reading.recorded_date - 1, '{observed}') as earlier on true
),

counted as (
    select
        count(*) as creator_count,
        count(*) filter (where now_count <= then_count / 2.0) as halved_count
    from compared
    where then_count > 0
),

measured as (
    select
        creator_count,
        halved_count,
        halved_count::numeric / nullif(creator_count, 0) as share,
        %(max_halved_share)s::numeric as threshold
    from counted
)

select
    measured.share as measured_value,
    measured.threshold,
    coalesce(
        measured.creator_count >= %(min_sample_count)s and measured.share > measured.threshold, false
    ) as is_failed,
    concat(
        'Followers fell to half or less for ', measured.halved_count, ' of ', measured.creator_count, ' creators (',
        trim_scale(round(100 * coalesce(measured.share, 0), 2)), ' %%) in the roll call of ', run.recorded_date,
        ' (maximum ', trim_scale(100 * measured.threshold), ' %%, with at least ', %(min_sample_count)s, ' creators).'
    ) as message,
    'Compare some of them with TikTok. To fetch again, clear roll_call with Downstream ticked, or trigger the date '
    'again. If the value is right, raise checks.max_halved_share in include/comets.yaml and clear this task with '
    'Downstream ticked.' as remedy
from comet_runs as run
cross join measured
where run.run_id = %(run_id)s
