-- Purpose: how large a run's roll call is.
-- Inputs: comet_roll_call. Grain: one row. Idempotent: it only reads.
select
    count(batch_number) as asked_count,
    count(*) - count(batch_number) as answered_count,
    coalesce(max(batch_number), 0) as batch_count
from comet_roll_call
where run_id = %(run_id)s
