-- Purpose: profile_call_count calls of the roll call in the ledger, as many for each run by schedule.
insert into comet_calls (
    run_id, clear_number, route, user_id, reserved_at, started_at, finished_at, duration_ms, status_code, is_billed
)
select
    run.run_id,
    0 as clear_number,
    '/api/v1/tiktok/app/v3/handler_user_profile' as route,
    benchmark.user_id(number) as user_id,
    run.accepted_at + number * interval '1 second' as reserved_at,
    run.accepted_at + number * interval '1 second' as started_at,
    run.accepted_at + number * interval '1 second' as finished_at,
    700 as duration_ms,
    200 as status_code,
    true as is_billed
from comet_runs as run
cross join generate_series(1, %(profile_call_count)s / %(date_count)s) as number
where starts_with(run.run_id, 'scheduled__')
order by run.accepted_at, number
