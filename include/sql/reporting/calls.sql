select
    count(*) as call_count,
    count(*) filter (where is_billed) as billed_count,
    count(*) filter (where is_billed is null) as unknown_count,
    count(*) filter (where user_id is not null) as profile_call_count
from comet_calls
where run_id = %(run_id)s
