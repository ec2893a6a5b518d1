-- Count how often the same call has failed since the run was last cleared. The hashtag that leads to a profile does not
-- matter: the profile is the same call.
select
    count(*) as failed_count,
    (array_agg(error_type order by call_id desc))[1] as last_error_type
from comet_calls
where
    run_id = %(run_id)s
    and run_attempt = %(run_attempt)s
    and route = %(route)s
    and (user_id is not null or hashtag is not distinct from %(hashtag)s::text)
    and page_offset is not distinct from %(page_offset)s::integer
    and user_id is not distinct from %(user_id)s::text
    and error_type is not null
