-- Purpose: just before a profile is asked for: does this run have its answer already, or is another task asking at this
-- moment? A run that asks by itself waits for its own siblings only, any other for whoever asks.
-- Inputs: comet_runs, comet_run_answers, comet_calls. Grain: one row. Idempotent: it only reads.
with run as (
    select
        run_id,
        is_live or is_refresh as is_asking
    from comet_runs
    where run_id = %(run_id)s
),

answers as (
    select count(*) as answer_count
    from comet_run_answers
    where run_id = %(run_id)s and user_id = %(asked_id)s
),

calls_in_flight as (
    select count(*) as call_count
    from run
    inner join comet_calls as call on run.run_id = call.run_id or not run.is_asking
    where
        call.user_id = %(asked_id)s
        and call.finished_at is null
        -- A call that waits for its moment has not started yet. By the database's clock, which all workers share.
        and coalesce(call.started_at, call.reserved_at) > clock_timestamp() - %(call_timeout)s::interval
        and (call.run_id <> run.run_id or call.hashtag is distinct from %(hashtag)s::text)
)

select
    answers.answer_count > 0 as is_answered,
    calls_in_flight.call_count > 0 as is_in_flight
from answers
cross join calls_in_flight
