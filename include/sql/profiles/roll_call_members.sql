-- Return the creators of a batch whose profile the run has still to fetch.
select
    member.user_id,
    creator.sec_uid,
    creator.handle
from comet_roll_call as member
left join creators as creator on member.user_id = creator.user_id
where
    member.run_id = %(run_id)s
    and member.batch_number = %(batch_number)s
    and not exists (
        select 1
        from comet_run_answers as answer
        where answer.run_id = member.run_id and answer.user_id = member.user_id
    )
order by member.user_id
