-- Purpose: the date that a run owns and whether it asked TikHub or re-used what was landed.
-- Inputs: comet_runs. Grain: one row. Idempotent: it only reads.
select
    recorded_date,
    hashtags,
    is_live,
    is_refresh,
    max_api_calls
from comet_runs
where run_id = %(run_id)s
