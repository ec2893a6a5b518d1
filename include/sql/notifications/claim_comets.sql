-- Purpose: take the new Comets of a run's date that nobody was told of yet, so that they are told of once.
-- Inputs: comet_runs, comet_quality_checks, comet_snapshots, comet_discoveries, creators. Output: comet_notifications.
-- Grain: one row per new Comet that was taken. Idempotent: who was taken is taken no more; a parallel run waits for
-- this transaction and takes them only if it is rolled back.
-- New is a creator that the run itself has inserted, or that another run inserted which a check has stopped or which
-- has not come to its report. Imported creators are never new.
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

found as (
    select
        discovery.user_id,
        array_agg(distinct discovery.hashtag order by discovery.hashtag) as hashtags
    from first_snapshots as snapshot
    inner join comet_discoveries as discovery
        on snapshot.user_id = discovery.user_id and snapshot.recorded_date >= discovery.recorded_date
    group by discovery.user_id
),

recorded as (
    select
        found.user_id,
        found.hashtags,
        snapshot.follower_count,
        snapshot.basis <> 'observed' as is_estimated,
        snapshot.daily_growth_followers
    from found
    inner join first_snapshots as snapshot on found.user_id = snapshot.user_id
),

-- In order, so that two runs that take the same wait for each other and not in a circle.
taken as (
    insert into comet_notifications (kind, subject_id, user_id, run_id)
    select
        'comet' as kind,
        recorded.user_id as subject_id,
        recorded.user_id,
        %(run_id)s as run_id
    from recorded
    order by recorded.user_id
    on conflict (kind, subject_id) do nothing
    returning user_id
)

select
    taken.user_id,
    creator.handle,
    recorded.hashtags,
    recorded.follower_count,
    recorded.is_estimated,
    recorded.daily_growth_followers
from taken
inner join recorded on taken.user_id = recorded.user_id
inner join creators as creator on taken.user_id = creator.user_id
order by recorded.daily_growth_followers desc nulls last, recorded.follower_count desc, taken.user_id asc
