-- Purpose: what a task must know before it reserves a call: how many the run has made since it was last cleared, and
-- whether one of them met an error that ends all calling.
-- Inputs: comet_calls. Grain: one row. Idempotent: it only reads.
select
    count(*) as call_count,
    min(error) filter (where error_type in ('TikHubAuthError', 'TikHubBalanceError')) as fatal_error
from comet_calls
where run_id = %(run_id)s and clear_number = %(clear_number)s
