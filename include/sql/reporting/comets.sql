-- Return the Comets that a run found, new ones first, then by growth. A first reading has no growth.
with run as (
    select
        run_id,
        recorded_date
    from comet_runs
    where run_id = %(run_id)s
),

comets as (
    select
        found.user_id,
        max(found.follower_count) as follower_count
    from run
    inner join comet_run_discoveries as found on run.run_id = found.run_id
    group by found.user_id
)

select
    coalesce(creator.handle, comets.user_id) as handle,
    coalesce(snapshot.follower_count, comets.follower_count) as follower_count,
    snapshot.daily_growth_followers,
    snapshot.basis,
    coalesce(creator.found_by_run_id = run.run_id, false) as is_new
from comets
cross join run
left join creators as creator on comets.user_id = creator.user_id
left join comet_snapshots as snapshot
    on comets.user_id = snapshot.user_id and run.recorded_date = snapshot.recorded_date
order by is_new desc, snapshot.daily_growth_followers desc nulls last, follower_count desc, handle asc
