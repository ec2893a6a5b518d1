-- Purpose: whether a run has erased somebody already, so that its retry finds nobody left.
-- Inputs: comet_forgotten. Grain: one row. Idempotent: it only reads.
select count(*) > 0 as is_done
from comet_forgotten
where run_id = %(run_id)s
