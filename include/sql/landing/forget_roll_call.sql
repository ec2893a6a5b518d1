-- Purpose: drop a run's earlier plan of its roll call, so that a cleared plan is made anew.
-- Inputs: comet_roll_call. Grain: one row per creator. Idempotent: a second deletion finds nothing.
delete from comet_roll_call
where run_id = %(run_id)s
