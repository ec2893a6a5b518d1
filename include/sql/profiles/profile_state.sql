-- Just before a profile is fetched: does this run have its answer, and is another task fetching it?
-- A live run or a refresh waits for its own tasks only, any other run for those of all runs.
with run as (
    select
        run_id,
        is_live or is_refresh as is_fetching
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
    inner join comet_calls as call on run.run_id = call.run_id or not run.is_fetching
    where
        call.user_id = %(asked_id)s
        and call.finished_at is null
        -- A call whose slot is in the future has not started; one that its task can't live to make is dead. The
        -- database's clock is the one that all workers share.
        and coalesce(call.started_at, call.reserved_at)
        between clock_timestamp() - %(call_timeout)s::interval and clock_timestamp() + %(task_timeout)s::interval
        and (call.run_id <> run.run_id or call.hashtag is distinct from %(hashtag)s::text)
)

select
    answers.answer_count > 0 as is_answered,
    calls_in_flight.call_count > 0 as is_in_flight
from answers
cross join calls_in_flight
