-- Return why a run stopped since it was last cleared: its budget, an error that stops all further calls, failed checks.
select
    skipped_call.reason,
    null::integer as status_code,
    null::text as message
from comet_skipped_calls as skipped_call
where skipped_call.run_id = %(run_id)s and skipped_call.run_attempt = %(run_attempt)s and skipped_call.reason = 'budget'
union
select
    call.error_type as reason,
    call.status_code,
    null::text as message
from comet_calls as call
where
    call.run_id = %(run_id)s
    and call.run_attempt = %(run_attempt)s
    and call.error_type in ('TikHubAuthError', 'TikHubBalanceError')
union
select
    result.check_name as reason,
    null::integer as status_code,
    result.message
from comet_quality_checks as result
where result.run_id = %(run_id)s and result.is_failed
order by reason, status_code, message
