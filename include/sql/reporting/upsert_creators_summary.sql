-- Count the creators whose readings landed for a run's date, and how many of them the run found first.
with seen as (
    select distinct reading.user_id
    from comet_runs as run
    inner join comet_landed_readings as reading on run.recorded_date = reading.recorded_date
    where run.run_id = %(run_id)s
)

select
    count(*) as creator_count,
    count(*) filter (where creator.found_by_run_id = %(run_id)s) as new_count
from seen
inner join creators as creator on seen.user_id = creator.user_id
