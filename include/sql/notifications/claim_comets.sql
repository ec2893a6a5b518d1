-- Claim the new Comets of a run's date for notification. New is a creator that this run inserted, or another run that
-- failed a check or did not reach its report. Imported creators are never new.
-- Grain: one row per claimed Comet.
-- Idempotent: a Comet is claimed once; a parallel run waits for this transaction, and claims it only after a rollback.
with new_creators as (
    select creator.user_id
    from creators as creator
    left join comet_runs as finder on creator.found_by_run_id = finder.run_id
    where
        creator.found_by_run_id = %(run_id)s
        or (finder.run_id is not null and finder.report is null)
        or exists (
            select 1
            from comet_quality_checks as result
            where result.run_id = finder.run_id and result.is_failed
        )
),

first_snapshots as (
    select
        snapshot.user_id,
        run.recorded_date,
        snapshot.follower_count,
        snapshot.basis,
        snapshot.daily_growth_followers
    from comet_runs as run
    inner join comet_snapshots as snapshot on run.recorded_date = snapshot.recorded_date
    inner join new_creators on snapshot.user_id = new_creators.user_id
    where run.run_id = %(run_id)s
),

discovered as (
    select
        discovery.user_id,
        array_agg(distinct discovery.hashtag order by discovery.hashtag) as hashtags
    from first_snapshots as snapshot
    inner join comet_discoveries as discovery
        on snapshot.user_id = discovery.user_id and snapshot.recorded_date >= discovery.recorded_date
    group by discovery.user_id
),

comets as (
    select
        discovered.user_id,
        discovered.hashtags,
        snapshot.follower_count,
        snapshot.basis <> 'observed' as is_estimated,
        snapshot.daily_growth_followers
    from discovered
    inner join first_snapshots as snapshot on discovered.user_id = snapshot.user_id
),

claimed as (
    insert into comet_notifications (kind, subject_id, user_id, run_id)
    select
        'comet' as kind,
        comets.user_id as subject_id,
        comets.user_id,
        %(run_id)s as run_id
    from comets
    order by comets.user_id
    on conflict (kind, subject_id) do nothing
    returning user_id
)

select
    claimed.user_id,
    creator.handle,
    comets.hashtags,
    comets.follower_count,
    comets.is_estimated,
    comets.daily_growth_followers
from claimed
inner join comets on claimed.user_id = comets.user_id
inner join creators as creator on claimed.user_id = creator.user_id
order by comets.daily_growth_followers desc nulls last, comets.follower_count desc, claimed.user_id asc
