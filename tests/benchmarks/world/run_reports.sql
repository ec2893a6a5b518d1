-- Purpose: what the report of each run has counted; the newest run is still at work and has none.
insert into comet_run_reports (
    run_id, received_count, landed_count, rejected_count, comet_count, new_comet_count, call_count, billed_count,
    stop_reasons
)
select
    run_id,
    sum(received_count) as received_count,
    sum(landed_count) as landed_count,
    sum(rejected_count) as rejected_count,
    sum(comet_count) as comet_count,
    sum(new_comet_count) as new_comet_count,
    sum(call_count) + %(creator_count)s as call_count,
    sum(billed_count) + %(creator_count)s as billed_count,
    array[]::text[] as stop_reasons
from comet_run_hashtags
where run_id <> 'scheduled__' || (%(first_date)s::date + %(date_count)s - 1) || 'T02:00:00+00:00'
group by run_id
