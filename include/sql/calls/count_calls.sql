-- Count the calls of a run since it was last cleared, and return the first error that stops all further calls.
select
    count(*) as call_count,
    (
        array_agg(error_type order by call_id) filter (where error_type in ('TikHubAuthError', 'TikHubBalanceError'))
    )[1] as fatal_error_type,
    (
        array_agg(status_code order by call_id) filter (where error_type in ('TikHubAuthError', 'TikHubBalanceError'))
    )[1] as fatal_status_code
from comet_calls
where run_id = %(run_id)s and run_attempt = %(run_attempt)s
