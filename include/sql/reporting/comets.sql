-- Purpose: the Comets that a run found, as its report names them: the new ones first. A first reading has no growth.
-- Inputs: comet_run_discoveries, creators, comet_snapshots. Grain: one row per Comet of the run.
-- Idempotent: it only reads.
with run as (
    select
        run_id,
        recorded_date
    from comet_runs
    where run_id = %(run_id)s
),

judged as (
    select
        found.user_id,
        max(found.follower_count) as follower_count
    from run
    inner join comet_run_discoveries as found on run.run_id = found.run_id
    group by found.user_id
)

select
    coalesce(creator.handle, judged.user_id) as handle,
    coalesce(snapshot.follower_count, judged.follower_count) as follower_count,
    snapshot.daily_growth_followers,
    snapshot.basis,
    coalesce(creator.found_by_run_id = run.run_id, false) as is_new
from judged
cross join run
left join creators as creator on judged.user_id = creator.user_id
left join comet_snapshots as snapshot
    on judged.user_id = snapshot.user_id and run.recorded_date = snapshot.recorded_date
order by is_new desc, snapshot.daily_growth_followers desc nulls last, follower_count desc, handle asc
