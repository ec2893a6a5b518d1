-- Purpose: let the parallel tasks of a run reserve their calls one after the other; returns the run's budget.
-- Inputs: comet_runs. Grain: one row. Idempotent: it only locks, until the end of the transaction.
select max_api_calls
from comet_runs
where run_id = %(run_id)s
for update
