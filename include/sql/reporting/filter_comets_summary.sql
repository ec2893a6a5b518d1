-- Purpose: the Comets that a run found, and how many of them are new; read before the run's creators are upserted.
-- Grain: one row.
select
    count(*) as comet_count,
    count(*) filter (where creator.user_id is null or creator.found_by_run_id = %(run_id)s) as new_count
from (
    select distinct user_id
    from comet_run_discoveries
    where run_id = %(run_id)s
) as found
left join creators as creator on found.user_id = creator.user_id
