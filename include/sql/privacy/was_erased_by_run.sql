-- Purpose: whether a run has erased somebody already, so that its retry finds nobody left.
-- Inputs: comet_erased_ids. Grain: one row. Idempotent: it only reads.
select count(*) > 0 as is_done
from comet_erased_ids
where run_id = %(run_id)s
