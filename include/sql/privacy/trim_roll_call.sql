-- Delete some roll calls of old runs.
-- Idempotent: run until none is left.
with batch as (
    select
        member.run_id,
        member.user_id
    from comet_runs as run
    inner join comet_roll_call as member on run.run_id = member.run_id
    where run.accepted_at < %(kept_from)s
    order by member.run_id, member.user_id
    limit %(row_limit)s
),

trimmed as (
    delete from comet_roll_call as member
    using batch
    where member.run_id = batch.run_id and member.user_id = batch.user_id
    returning member.user_id
)

select
    count(*) as portion_count,
    count(*) as comet_roll_call
from trimmed
