-- Purpose: how often the very same call has failed since the run was last cleared.
-- Inputs: comet_calls. Grain: one row. Idempotent: it only reads.
select count(*) as failed_count
from comet_calls
where
    run_id = %(run_id)s
    and clear_number = %(clear_number)s
    and route = %(route)s
    and hashtag is not distinct from %(hashtag)s::text
    and page_offset is not distinct from %(page_offset)s::integer
    and user_id is not distinct from %(user_id)s::text
    and error_type is not null
