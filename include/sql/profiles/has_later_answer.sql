-- Purpose: has TikHub answered this run for anybody else since it first failed for this account? Then the fault is the
-- account's and no outage.
-- Inputs: comet_calls. Grain: one row. Idempotent: it only reads.
with first_failure as (
    select min(call_id) as call_id
    from comet_calls
    where run_id = %(run_id)s and user_id = %(asked_id)s and error_type is not null
)

select count(*) > 0 as is_answered
from comet_calls as answer
inner join first_failure on answer.call_id > first_failure.call_id
where
    answer.run_id = %(run_id)s
    and answer.user_id is not null
    and answer.status_code = 200
    and answer.error_type is null
