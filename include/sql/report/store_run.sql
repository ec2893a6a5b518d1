-- Purpose: keep what the report of a run has counted.
-- Inputs: the report's own figures, bound. Output: comet_run_reports. Grain: one row per run.
-- Idempotent: the same figures change nothing; other ones of the same run take their place.
insert into comet_run_reports as known (
    run_id,
    received_count,
    landed_count,
    rejected_count,
    comet_count,
    new_comet_count,
    call_count,
    billed_count,
    stop_reasons
)
values (
    %(run_id)s,
    %(received_count)s,
    %(landed_count)s,
    %(rejected_count)s,
    %(comet_count)s,
    %(new_comet_count)s,
    %(call_count)s,
    %(billed_count)s,
    %(stop_reasons)s::text[]
)
on conflict (run_id) do update
    set
        received_count = excluded.received_count,
        landed_count = excluded.landed_count,
        rejected_count = excluded.rejected_count,
        comet_count = excluded.comet_count,
        new_comet_count = excluded.new_comet_count,
        call_count = excluded.call_count,
        billed_count = excluded.billed_count,
        stop_reasons = excluded.stop_reasons
    where known is distinct from excluded
