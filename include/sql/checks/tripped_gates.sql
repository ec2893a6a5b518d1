-- Purpose: what the checks of a step object to in a run.
-- Inputs: comet_gates, the name of the step. Grain: one row per tripped gate. Idempotent: it only reads.
select sentence
from comet_gates
where run_id = %(run_id)s and starts_with(gate, %(step)s || '.') and is_tripped
order by gate
