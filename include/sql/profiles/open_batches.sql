-- Purpose: the batches of a run's roll call in which somebody has still to be asked for.
-- Inputs: comet_roll_call, comet_run_answers. Grain: one row per batch. Idempotent: it only reads.
select
    member.batch_number,
    count(*) as member_count
from comet_roll_call as member
where
    member.run_id = %(run_id)s
    and not exists (
        select 1
        from comet_run_answers as known
        where known.run_id = member.run_id and known.user_id = member.user_id
    )
group by member.batch_number
order by member.batch_number
