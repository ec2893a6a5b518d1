-- Purpose: did TikHub answer for enough of the creators whom the run asked for?
-- Inputs: comet_runs, comet_roll_call, comet_profiles, comet_run_answers, comet_calls, creators; the smallest share and
-- the smallest sample. Grain: one row. Idempotent: it only reads.
-- Left out are creators who are missing already, and those whom the run could not ask because its budget was spent or
-- TikHub refused its key or balance: that says nothing about the answers.
with run as (
    select *
    from comet_runs
    where run_id = %(run_id)s
),

calling as (
    select
        count(call.call_id) >= max(run.max_api_calls)
        or coalesce(bool_or(call.error_type in ('TikHubAuthError', 'TikHubBalanceError')), false) as is_over
    from run
    left join comet_calls as call
        on
            run.run_id = call.run_id
            and call.run_attempt = (
                select max(latest.run_attempt)
                from comet_calls as latest
                where latest.run_id = run.run_id
            )
),

own_answers as (
    select
        profile.asked_id,
        bool_or(profile.outcome in ('found', 'no_account')) as is_answered
    from run
    inner join comet_profiles as profile
        on run.run_id = profile.run_id and run.recorded_date = profile.recorded_date
    group by profile.asked_id
),

members as (
    select
        case
            when own_answers.asked_id is not null then own_answers.is_answered
            when answer.user_id is not null then true
            when not calling.is_over then false
        end as is_answered
    from run
    cross join calling
    inner join comet_roll_call as member on run.run_id = member.run_id
    left join creators as creator on member.user_id = creator.user_id
    left join own_answers on member.user_id = own_answers.asked_id
    left join lateral (
        select known.user_id
        from comet_run_answers as known
        where known.run_id = member.run_id and known.user_id = member.user_id
        order by known.user_id
        limit 1
    ) as answer on true
    where creator.status is distinct from 'missing'
),

counted as (
    select
        count(is_answered) as member_count,
        count(*) filter (where is_answered) as answered_count
    from members
),

judged as (
    select
        member_count,
        answered_count,
        answered_count::numeric / nullif(member_count, 0) as share,
        %(min_answered_share)s::numeric as threshold
    from counted
)

select
    judged.share as measured_value,
    judged.threshold,
    coalesce(judged.member_count >= %(min_sample_count)s and judged.share < judged.threshold, false) as is_failed,
    concat(
        'TikHub answered for ', judged.answered_count, ' of ', judged.member_count, ' creators (',
        trim_scale(round(100 * coalesce(judged.share, 0), 2)), ' percent) in the roll call of ', run.recorded_date,
        ' (threshold: at least ', trim_scale(100 * judged.threshold), ' percent, judged from ',
        %(min_sample_count)s, ' creators on).'
    ) as message,
    'Wait until TikHub is well, then clear roll_call with Downstream ticked, or trigger the date again: those not '
    'answered are asked again. If the value is right, lower checks.min_answered_share in include/comets.yaml and clear '
    'this task with Downstream ticked.' as remedy
from run
cross join judged
