-- Return the batches of a run's roll call that still have profiles to fetch.
select
    member.batch_number,
    count(*) as member_count
from comet_roll_call as member
where
    member.run_id = %(run_id)s
    and not exists (
        select 1
        from comet_run_answers as answer
        where answer.run_id = member.run_id and answer.user_id = member.user_id
    )
group by member.batch_number
order by member.batch_number
