-- Fail when TikHub answers for too few of the creators that a run fetches. Missing creators do not count, nor do those
-- that a spent budget, a bad key or an empty balance kept from being fetched.
with run as (
    select *
    from comet_runs
    where run_id = %(run_id)s
),

run_stop as (
    select
        count(call.call_id) >= max(run.max_api_calls)
        or coalesce(bool_or(call.error_type in ('TikHubAuthError', 'TikHubBalanceError')), false) as is_stopped
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
            when not run_stop.is_stopped then false
        end as is_answered
    from run
    cross join run_stop
    inner join comet_roll_call as member on run.run_id = member.run_id
    left join creators as creator on member.user_id = creator.user_id
    left join own_answers on member.user_id = own_answers.asked_id
    left join lateral (
        select landed.user_id
        from comet_run_answers as landed
        where landed.run_id = member.run_id and landed.user_id = member.user_id
        order by landed.user_id
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

measured as (
    select
        member_count,
        answered_count,
        answered_count::numeric / nullif(member_count, 0) as share,
        %(min_answered_share)s::numeric as threshold
    from counted
)

select
    measured.share as measured_value,
    measured.threshold,
    coalesce(measured.member_count >= %(min_sample_count)s and measured.share < measured.threshold, false) as is_failed,
    concat(
        'TikHub answered for ', measured.answered_count, ' of ', measured.member_count, ' creators (',
        trim_scale(round(100 * coalesce(measured.share, 0), 2)), ' %%) in the roll call of ', run.recorded_date,
        ' (minimum ', trim_scale(100 * measured.threshold), ' %%, with at least ', %(min_sample_count)s, ' creators).'
    ) as message,
    'Wait until TikHub works again, then clear roll_call with Downstream ticked, or trigger the date again: missing '
    'profiles are fetched again. If the value is right, lower checks.min_answered_share in include/comets.yaml and '
    'clear this task with Downstream ticked.' as remedy
from run
cross join measured
