-- Purpose: what the checks of a step object to in a run.
-- Inputs: comet_quality_checks, the name of the step. Grain: one row per tripped check_name. Idempotent: it only reads.
select message
from comet_quality_checks
where run_id = %(run_id)s and starts_with(check_name, %(step)s || '.') and is_failed
order by check_name
