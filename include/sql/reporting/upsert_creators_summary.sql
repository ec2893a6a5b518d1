-- Count the creators whose readings landed for a run's date, and how many of them the run found first.
select
    count(*) as creator_count,
    count(*) filter (where creator.found_by_run_id = run.run_id) as new_count
from comet_runs as run
cross join creators as creator
where
    run.run_id = %(run_id)s
    and exists (
        select 1
        from comet_landed_readings as reading
        where reading.recorded_date = run.recorded_date and reading.user_id = creator.user_id
    )
