-- Purpose: take back what the checks of a step said of a run before they say it anew.
-- Inputs: the name of the step. Grain: one row of comet_quality_checks per check. Idempotent: it only deletes.
delete from comet_quality_checks
where run_id = %(run_id)s and starts_with(check_name, %(step)s || '.')
