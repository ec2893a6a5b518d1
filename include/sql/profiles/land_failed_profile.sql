-- Purpose: land with the run's date that an account could not be read: there is none, or it is given up for the day.
-- Inputs: how the last try ended. Grain: one row per run and account, and per outcome.
-- Idempotent: an outcome that the run has landed already stays as it is.
insert into comet_profiles (recorded_date, run_id, asked_id, user_id, outcome, observed_at, observed_date)
select
    run.recorded_date,
    run.run_id,
    %(asked_id)s as asked_id,
    %(asked_id)s as user_id,
    %(outcome)s as outcome,
    %(observed_at)s as observed_at,
    (%(observed_at)s::timestamptz at time zone run.timezone)::date as observed_date
from comet_runs as run
where
    run.run_id = %(run_id)s
    and not exists (
        select 1
        from comet_profiles as known
        where
            known.recorded_date = run.recorded_date
            and known.user_id = %(asked_id)s
            and known.run_id = run.run_id
            and known.outcome = %(outcome)s
    )
