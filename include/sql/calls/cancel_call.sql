-- Purpose: forget a call that was reserved and not made, because the run was stopped while it waited for its moment.
-- Inputs: comet_calls. Grain: one row. Idempotent: a forgotten call stays forgotten.
delete from comet_calls
where call_id = %(call_id)s
