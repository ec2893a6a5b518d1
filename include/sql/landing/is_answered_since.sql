-- Purpose: has TikHub answered this run for anybody else since it first failed for this account? Then the fault is the
-- account's and no outage.
-- Inputs: comet_calls. Grain: one row. Idempotent: it only reads.
with first_failure as (
    select min(call_id) as call_id
    from comet_calls
    where run_id = %(run_id)s and user_id = %(asked_id)s and error_type is not null
)

select count(answer.call_id) > 0 as is_answered
from first_failure
left join comet_calls as answer
    on
        answer.run_id = %(run_id)s
        and answer.user_id is not null
        and answer.status_code = 200
        and answer.error_type is null
        and first_failure.call_id < answer.call_id
