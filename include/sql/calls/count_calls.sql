-- Count the calls of a run since it was last cleared and the failures of one call; find the first error that stops all
-- further calls. The hashtag that leads to a profile does not matter: the profile is the same call.
with calls as (
    select
        call_id,
        error_type,
        status_code,
        error_type in ('TikHubAuthError', 'TikHubBalanceError') as is_fatal,
        (
            error_type is not null
            and route = %(route)s
            and (user_id is not null or (hashtag is not distinct from %(hashtag)s::text))
            and (page_offset is not distinct from %(page_offset)s::integer)
            and (user_id is not distinct from %(user_id)s::text)
        ) as is_same_failure
    from comet_calls
    where run_id = %(run_id)s and run_attempt = %(run_attempt)s
)

select
    count(*) as call_count,
    (array_agg(error_type order by call_id) filter (where is_fatal))[1] as fatal_error_type,
    (array_agg(status_code order by call_id) filter (where is_fatal))[1] as fatal_status_code,
    count(*) filter (where is_same_failure) as failed_count,
    (array_agg(error_type order by call_id desc) filter (where is_same_failure))[1] as last_error_type
from calls
