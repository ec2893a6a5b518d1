-- Count the Comets of a run, and the new ones; read before the run's creators are upserted.
select
    count(*) as comet_count,
    count(*) filter (where creator.user_id is null or creator.found_by_run_id = %(run_id)s) as new_count
from (
    select distinct user_id
    from comet_run_discoveries
    where run_id = %(run_id)s
) as found
left join creators as creator on found.user_id = creator.user_id
