-- An error text names the account, so the call of an account that was erased meanwhile stores none.
update comet_calls
set
    finished_at = %(finished_at)s,
    duration_ms = %(duration_ms)s,
    status_code = %(status_code)s,
    is_billed = %(is_billed)s,
    error_type = %(error_type)s,
    error = case when user_id = 'erased' then null else %(error)s end
where call_id = %(call_id)s
