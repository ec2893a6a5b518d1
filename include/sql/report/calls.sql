-- Purpose: what a run has asked of TikHub.
-- Inputs: comet_calls, comet_profiles. Grain: one row. Idempotent: it only reads.
with calls as (
    select *
    from comet_calls
    where run_id = %(run_id)s
),

asked_profiles as (
    select calls.user_id
    from calls
    where calls.user_id is not null
    group by calls.user_id
    having bool_and(calls.error_type is not null)
)

select
    count(*) as call_count,
    count(*) filter (where calls.is_billed) as billed_count,
    count(*) filter (where calls.is_billed is null) as unknown_count,
    (select count(*) from asked_profiles) as unreachable_count
from calls
