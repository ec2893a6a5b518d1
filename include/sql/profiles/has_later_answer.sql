-- Return whether TikHub has answered this run for another account since the first failure of this one: then the account
-- is at fault, and not TikHub.
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
