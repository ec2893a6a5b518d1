-- Land that a profile could not be read. Grain: one row per run, account and outcome.
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
        from comet_profiles as landed
        where
            landed.recorded_date = run.recorded_date
            and landed.user_id = %(asked_id)s
            and landed.run_id = run.run_id
            and landed.outcome = %(outcome)s
    )
