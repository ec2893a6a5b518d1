-- Purpose: note how a reserved call ended: its status, how long it took, whether TikHub bills it (null: unknown), and
-- the error if any; not its text, which names the account, where the account was erased in the meantime.
-- Inputs: the answer. Grain: one row of comet_calls. Idempotent: it states the outcome.
update comet_calls
set
    finished_at = %(finished_at)s,
    duration_ms = %(duration_ms)s,
    status_code = %(status_code)s,
    is_billed = %(is_billed)s,
    error_type = %(error_type)s,
    error = case when user_id = 'erased' then null else %(error)s end
where call_id = %(call_id)s
