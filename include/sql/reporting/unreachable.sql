-- Return the tracked creators whose profile a run could not read.
with own_answers as (
    select
        profile.asked_id,
        min(profile.outcome) as outcome
    from comet_runs as run
    inner join comet_profiles as profile
        on run.run_id = profile.run_id and run.recorded_date = profile.recorded_date
    where run.run_id = %(run_id)s
    group by profile.asked_id
    having not bool_or(profile.outcome = 'found')
)

select
    member.user_id,
    own_answers.outcome,
    creator.status
from comet_roll_call as member
inner join own_answers on member.user_id = own_answers.asked_id
left join creators as creator on member.user_id = creator.user_id
where member.run_id = %(run_id)s
order by member.user_id
limit %(row_limit)s
