-- Purpose: delete some of the plans of runs that were accepted before an instant: whom they asked for.
-- Inputs: comet_runs, comet_roll_call. Grain: one row, how many rows were deleted.
-- Idempotent: it is executed until none is left.
with portion as (
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
    using portion
    where member.run_id = portion.run_id and member.user_id = portion.user_id
    returning member.user_id
)

select
    count(*) as portion_count,
    count(*) as comet_roll_call
from trimmed
