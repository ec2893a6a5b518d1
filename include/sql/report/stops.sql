-- Purpose: what has stopped a run since it was last cleared: its budget, an error of TikHub's that ends all calling, or
-- gates that tripped.
-- Inputs: comet_refusals, comet_calls, comet_gates. Grain: one row per reason; sentence is that of a gate.
-- Idempotent: it only reads.
select
    refusal.reason,
    null::integer as status_code,
    null::text as sentence
from comet_refusals as refusal
where refusal.run_id = %(run_id)s and refusal.clear_number = %(clear_number)s and refusal.reason = 'budget'
union
select
    call.error_type as reason,
    call.status_code,
    null::text as sentence
from comet_calls as call
where
    call.run_id = %(run_id)s
    and call.clear_number = %(clear_number)s
    and call.error_type in ('TikHubAuthError', 'TikHubBalanceError')
union
select
    gate.gate as reason,
    null::integer as status_code,
    gate.sentence
from comet_gates as gate
where gate.run_id = %(run_id)s and gate.is_tripped
order by reason, status_code, sentence
