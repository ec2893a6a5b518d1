-- Purpose: derive creator_stats for the run's date, and again whatever a newly arrived observation changes; then how
-- each creator stands.
-- Inputs: comet_runs, comet_run_sightings, comet_discoveries, comet_profiles, creators. Output: comet_run_dates,
-- comet_observations, creator_stats, creators.is_gathered, creators.status, comet_counted_pages, comet_stale_scores.
-- Grain: one row per creator and date that was run.
-- Idempotent: creator_stats is a function of the observations, the discoveries and the dates that were run. Only rows
-- that differ are written, so that a second run writes none. A run that was not accepted changes nothing.

-- The database ends a statement, or its waiting for a lock, before Airflow ends the task.
select
    set_config('statement_timeout', %(statement_timeout)s, true) as statement_timeout,
    set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout,
    set_config('work_mem', '64MB', true) as work_mem;

-- Runs take turns: each sees all that the one before has committed, and the work list is its own.
select pg_advisory_xact_lock(hashtextextended('comet_discovery', 0));

-- Pages that no run of the date has counted before change the scores of the 30 days from when they were seen.
with landed as (
    select
        run.recorded_date,
        count(page.page_id) as page_count
    from comet_runs as run
    inner join comet_searches as search on run.recorded_date = search.recorded_date
    inner join comet_pages as page on search.search_id = page.search_id
    where run.run_id = %(run_id)s
    group by run.recorded_date
),

changed as (
    insert into comet_counted_pages (recorded_date, page_count)
    select
        landed.recorded_date,
        landed.page_count
    from landed
    left join comet_counted_pages as counted on landed.recorded_date = counted.recorded_date
    where counted.page_count is distinct from landed.page_count
    on conflict (recorded_date) do update set page_count = excluded.page_count
    returning recorded_date
),

observed as (
    select distinct (page.observed_at at time zone coalesce(run.timezone, 'UTC'))::date as observed_date
    from changed
    inner join comet_searches as search on changed.recorded_date = search.recorded_date
    inner join comet_pages as page on search.search_id = page.search_id
    left join comet_runs as run on page.run_id = run.run_id
)

insert into comet_stale_scores (recorded_date)
select distinct published.recorded_date
from observed
inner join comet_published_dates as published
    on published.recorded_date between observed.observed_date and observed.observed_date + 29
on conflict (recorded_date) do nothing;

insert into comet_stale_scores (recorded_date)
select recorded_date
from comet_runs
where run_id = %(run_id)s
on conflict (recorded_date) do nothing;

-- Observations count from the day on which a creator first qualified. They are written in the order of the indexes,
-- as everything is that has a row per creator: a million of them would else touch pages in no order.
with arrived as (
    insert into comet_observations (
        source, item_id, user_id, observed_at, observed_date, follower_count, heart_count, video_count, run_id
    )
    select
        sighting.source,
        sighting.item_id,
        sighting.user_id,
        sighting.observed_at,
        (sighting.observed_at at time zone run.timezone)::date as observed_date,
        sighting.follower_count,
        sighting.heart_count,
        sighting.video_count,
        sighting.run_id
    from comet_runs as run
    inner join comet_run_sightings as sighting on run.run_id = sighting.for_run_id
    where
        run.run_id = %(run_id)s
        and coalesce(sighting.follower_count, sighting.heart_count, sighting.video_count) is not null
        and (sighting.observed_at at time zone run.timezone)::date >= sighting.tracked_since
    order by sighting.user_id, sighting.observed_at
    on conflict (source, item_id) do nothing
    returning user_id, observed_date
)

insert into comet_stale_dates (user_id, recorded_date)
select distinct
    user_id,
    observed_date
from arrived
order by user_id, observed_date;

-- The run's own date: when it is recorded for the first time, for every creator that can have a row on it; later for
-- those whom a search of it has discovered since. What arrives is looked after above and below.
with recorded as (
    insert into comet_run_dates (recorded_date)
    select recorded_date
    from comet_runs
    where run_id = %(run_id)s
    on conflict (recorded_date) do nothing
    returning recorded_date
),

candidates as (
    select
        creator.user_id,
        recorded.recorded_date
    from recorded
    inner join creators as creator on recorded.recorded_date >= creator.tracked_since
    left join comet_stale_dates as known
        on creator.user_id = known.user_id and recorded.recorded_date = known.recorded_date
    where known.user_id is null
    union
    select
        discovery.user_id,
        discovery.recorded_date
    from comet_runs as run
    inner join comet_discoveries as discovery on run.recorded_date = discovery.recorded_date
    where run.run_id = %(run_id)s
)

insert into comet_stale_dates (user_id, recorded_date)
select
    candidates.user_id,
    candidates.recorded_date
from candidates
inner join lateral (
    select observation.user_id
    from comet_observations as observation
    where
        observation.user_id = candidates.user_id
        and observation.observed_date >= candidates.recorded_date
    order by observation.observed_date asc
    limit 1
) as known on true
on conflict (user_id, recorded_date) do nothing;

-- A count changes the dates between its neighbouring known counts, each metric by itself. There is none where the runs
-- before and after have read all three metrics, which is so on almost every day. For the run's own date the answers of
-- these two dates are read as a whole: creator by creator it would be a page of the index for each.
insert into comet_stale_dates (user_id, recorded_date)
with days as materialized (
    select
        stale.recorded_date,
        max(run_date.recorded_date) filter (where run_date.recorded_date < stale.recorded_date) as previous_date,
        min(run_date.recorded_date) filter (where run_date.recorded_date > stale.recorded_date) as next_date
    from (select distinct work.recorded_date from comet_stale_dates as work) as stale
    cross join comet_run_dates as run_date
    group by stale.recorded_date
),

own_day as materialized (
    select days.*
    from days
    inner join comet_runs as run on days.recorded_date = run.recorded_date
    where run.run_id = %(run_id)s
),

read_before as (
    select observation.user_id
    from own_day
    inner join comet_observations as observation on own_day.previous_date = observation.observed_date
    where num_nulls(observation.follower_count, observation.heart_count, observation.video_count) = 0
    group by observation.user_id
),

read_after as (
    select observation.user_id
    from own_day
    inner join comet_observations as observation on own_day.next_date = observation.observed_date
    where num_nulls(observation.follower_count, observation.heart_count, observation.video_count) = 0
    group by observation.user_id
),

arrived as (
    select
        stale.user_id,
        stale.recorded_date
    from own_day
    inner join comet_stale_dates as stale on own_day.recorded_date = stale.recorded_date
    left join read_before on stale.user_id = read_before.user_id
    left join read_after on stale.user_id = read_after.user_id
    where
        (own_day.previous_date is not null and read_before.user_id is null)
        or (own_day.next_date is not null and read_after.user_id is null)
    union all
    select
        stale.user_id,
        stale.recorded_date
    from comet_stale_dates as stale
    inner join days on stale.recorded_date = days.recorded_date
    where stale.recorded_date not in (select own_day.recorded_date from own_day)
)

select distinct
    arrived.user_id,
    run_date.recorded_date
from arrived
inner join lateral (
    select distinct known.metric
    from comet_known_counts as known
    where known.user_id = arrived.user_id and known.observed_date = arrived.recorded_date
) as changed on true
left join lateral (
    select known.observed_date
    from comet_known_counts as known
    where
        known.user_id = arrived.user_id
        and known.metric = changed.metric
        and known.observed_date < arrived.recorded_date
    order by known.observed_date desc
    limit 1
) as earlier on true
left join lateral (
    select known.observed_date
    from comet_known_counts as known
    where
        known.user_id = arrived.user_id
        and known.metric = changed.metric
        and known.observed_date > arrived.recorded_date
    order by known.observed_date asc
    limit 1
) as later on true
inner join comet_run_dates as run_date
    on
        coalesce(earlier.observed_date, '-infinity') < run_date.recorded_date
        and coalesce(later.observed_date, 'infinity') > run_date.recorded_date
on conflict (user_id, recorded_date) do nothing;

-- Every date of a creator whose first day has just become known, or whose history has moved here from another key.
insert into comet_stale_dates (user_id, recorded_date)
select
    creator.user_id,
    run_date.recorded_date
from comet_runs as run
cross join creators as creator
inner join comet_run_dates as run_date on creator.tracked_since <= run_date.recorded_date
where run.run_id = %(run_id)s and not creator.is_gathered
on conflict (user_id, recorded_date) do nothing;

update creators
set is_gathered = true
from comet_runs as run
where run.run_id = %(run_id)s and not creators.is_gathered;

-- The snapshots with their growth, that of the snapshot after each of them, and which scores change with them: those of
-- the same date, those of the dates up to 45 days later, whose growth can begin here, and those of the creator's next
-- snapshot, which is compared with this one. An observed snapshot shows only counts of its own date, so nothing else is
-- looked up for it. An imported row keeps the growth that it came with until a derived one stands before it.
with newest_date as (
    select max(recorded_date) as recorded_date
    from creator_stats
),

work as materialized (
    select
        stale.user_id,
        stale.recorded_date,
        stale.recorded_date = run.recorded_date as is_of_the_run
    from comet_runs as run
    cross join comet_stale_dates as stale
    inner join comet_run_dates as run_date on stale.recorded_date = run_date.recorded_date
    where run.run_id = %(run_id)s
),

-- The run's own date is read as a whole.
answers as (
    select distinct on (observation.user_id)
        observation.user_id,
        observation.observed_date,
        observation.follower_count,
        observation.heart_count,
        observation.video_count
    from comet_runs as run
    inner join comet_observations as observation on run.recorded_date = observation.observed_date
    where run.run_id = %(run_id)s
    order by
        observation.user_id asc,
        observation.observed_at desc,
        (observation.source = 'profile') desc,
        observation.item_id desc
),

newest as (
    select
        work.user_id,
        work.recorded_date,
        answers.observed_date,
        answers.follower_count,
        answers.heart_count,
        answers.video_count
    from work
    left join answers on work.user_id = answers.user_id
    where work.is_of_the_run
    union all
    select
        work.user_id,
        work.recorded_date,
        answer.observed_date,
        answer.follower_count,
        answer.heart_count,
        answer.video_count
    from work
    left join lateral (
        select
            observation.observed_date,
            observation.follower_count,
            observation.heart_count,
            observation.video_count
        from comet_observations as observation
        where observation.user_id = work.user_id and observation.observed_date = work.recorded_date
        order by observation.observed_at desc, (observation.source = 'profile') desc, observation.item_id desc
        limit 1
    ) as answer on true
    where not work.is_of_the_run
),

-- The last known count of the date, which is nearly always in the last answer.
same_day as materialized (
    select
        newest.user_id,
        newest.recorded_date,
        coalesce(
            newest.follower_count,
            (
                select known.follower_count
                from comet_observations as known
                where
                    known.user_id = newest.user_id
                    and known.observed_date = newest.observed_date
                    and known.follower_count is not null
                order by known.observed_at desc, (known.source = 'profile') desc, known.item_id desc
                limit 1
            )
        ) as follower_count,
        coalesce(
            newest.heart_count,
            (
                select known.heart_count
                from comet_observations as known
                where
                    known.user_id = newest.user_id
                    and known.observed_date = newest.observed_date
                    and known.heart_count is not null
                order by known.observed_at desc, (known.source = 'profile') desc, known.item_id desc
                limit 1
            )
        ) as heart_count,
        coalesce(
            newest.video_count,
            (
                select known.video_count
                from comet_observations as known
                where
                    known.user_id = newest.user_id
                    and known.observed_date = newest.observed_date
                    and known.video_count is not null
                order by known.observed_at desc, (known.source = 'profile') desc, known.item_id desc
                limit 1
            )
        ) as video_count
    from newest
),

unseen as (
    select
        same_day.user_id,
        same_day.recorded_date,
        metric.name as metric,
        metric.value,
        discovery.user_id is not null as is_discovered
    from same_day
    inner join lateral (
        values ('followers', null), ('hearts', same_day.heart_count), ('videos', same_day.video_count)
    ) as metric (name, value) on true
    left join lateral (
        select proof.user_id
        from comet_discoveries as proof
        where proof.recorded_date = same_day.recorded_date and proof.user_id = same_day.user_id
        order by proof.user_id
        limit 1
    ) as discovery on true
    where same_day.follower_count is null
),

derived as (
    select
        unseen.user_id,
        unseen.recorded_date,
        unseen.metric,
        case
            when earlier.value is not null and later.value is not null then 'estimated'
            when later.value is not null and unseen.is_discovered then 'late'
        end as basis,
        case
            when unseen.value is not null then unseen.value
            when earlier.value is not null and later.value is not null
                then round(
                    (
                        earlier.value::numeric * (later.observed_date - unseen.recorded_date)
                        + later.value::numeric * (unseen.recorded_date - earlier.observed_date)
                    ) / (later.observed_date - earlier.observed_date)
                )::bigint
            when unseen.is_discovered then later.value
        end as value
    from unseen
    left join lateral (
        select
            known.observed_date,
            known.value
        from comet_known_counts as known
        where
            known.user_id = unseen.user_id
            and known.metric = unseen.metric
            and known.observed_date < unseen.recorded_date
            and unseen.value is null
        order by
            known.observed_date desc, known.observed_at desc, (known.source = 'profile') desc, known.item_id desc
        limit 1
    ) as earlier on true
    left join lateral (
        select
            known.observed_date,
            known.value
        from comet_known_counts as known
        where
            known.user_id = unseen.user_id
            and known.metric = unseen.metric
            and known.observed_date > unseen.recorded_date
            and unseen.value is null
        order by known.observed_date asc, known.observed_at asc, (known.source = 'profile') asc, known.item_id asc
        limit 1
    ) as later on true
),

between_counts as (
    select
        user_id,
        recorded_date,
        max(value) filter (where metric = 'followers') as follower_count,
        max(value) filter (where metric = 'hearts') as heart_count,
        max(value) filter (where metric = 'videos') as video_count,
        max(basis) filter (where metric = 'followers') as basis
    from derived
    group by user_id, recorded_date
),

-- An imported row without a known count stays as it is.
snapshots as (
    select
        user_id,
        recorded_date,
        follower_count,
        heart_count,
        video_count,
        'observed' as basis
    from same_day
    where follower_count is not null
    union all
    select
        user_id,
        recorded_date,
        follower_count,
        heart_count,
        video_count,
        basis
    from between_counts
    where follower_count is not null
),

following as (
    select distinct
        next.user_id,
        next.recorded_date,
        next.follower_count,
        next.heart_count,
        next.video_count,
        next.basis
    from snapshots
    inner join newest_date on snapshots.recorded_date < newest_date.recorded_date
    inner join lateral (
        select stored.*
        from comet_growth_bases as stored
        where stored.user_id = snapshots.user_id and stored.recorded_date > snapshots.recorded_date
        order by stored.recorded_date asc
        limit 1
    ) as next on true
    left join lateral (
        select own.recorded_date
        from comet_stale_dates as own
        inner join comet_run_dates as run_date on own.recorded_date = run_date.recorded_date
        where own.user_id = next.user_id and own.recorded_date = next.recorded_date
        order by own.user_id
        limit 1
    ) as own on true
    where own.recorded_date is null and snapshots.basis <> 'late'
),

changed_or_following as (
    select *
    from snapshots
    union all
    select *
    from following
),

-- The snapshot before is one of these, or stands in the table already. No growth starts from a late one; late ones come
-- before a creator's first count, so none stands between two others.
in_order as (
    select
        known.*,
        case when lag(known.basis) over creator <> 'late' then lag(known.recorded_date) over creator end
            as derived_date,
        case when lag(known.basis) over creator <> 'late' then lag(known.follower_count) over creator end
            as derived_count
    from changed_or_following as known
    window creator as (partition by known.user_id order by known.recorded_date)
),

-- Those of the last date before the run's are read as a whole.
stored_before as (
    select
        before.user_id,
        before.recorded_date,
        before.follower_count,
        run.recorded_date as run_date
    from comet_runs as run
    inner join comet_growth_bases as before
        on
            before.recorded_date = (
                select max(earlier.recorded_date)
                from creator_stats as earlier
                where earlier.recorded_date < run.recorded_date
            )
    where run.run_id = %(run_id)s
),

paired as (
    select
        in_order.user_id,
        in_order.recorded_date,
        in_order.follower_count,
        in_order.heart_count,
        in_order.video_count,
        in_order.basis,
        in_order.derived_date,
        in_order.derived_count,
        coalesce(stored_before.recorded_date, stored.recorded_date) as stored_date,
        coalesce(stored_before.follower_count, stored.follower_count) as stored_count
    from in_order
    left join stored_before
        on in_order.user_id = stored_before.user_id and in_order.recorded_date = stored_before.run_date
    left join lateral (
        select
            earlier.recorded_date,
            earlier.follower_count
        from comet_growth_bases as earlier
        where
            earlier.user_id = in_order.user_id
            and earlier.recorded_date < in_order.recorded_date
            and stored_before.user_id is null
        order by earlier.recorded_date desc
        limit 1
    ) as stored on true
),

chosen as (
    select
        *,
        coalesce(stored_date > derived_date, derived_date is null) as is_stored_later
    from paired
),

compared as (
    select
        user_id,
        recorded_date,
        follower_count,
        heart_count,
        video_count,
        basis,
        case when is_stored_later then stored_count else derived_count end as previous_count,
        case
            when basis <> 'late' then recorded_date - case when is_stored_later then stored_date else derived_date end
        end as gap_days
    from chosen
),

written as (
    insert into creator_stats as stats (
        user_id,
        recorded_date,
        follower_count,
        heart_count,
        video_count,
        basis,
        gap_days,
        daily_growth_followers,
        daily_growth_percent
    )
    select
        user_id,
        recorded_date,
        follower_count,
        heart_count,
        video_count,
        basis,
        gap_days,
        case when gap_days is null then 0 else round((follower_count - previous_count)::numeric / gap_days)::bigint end
            as daily_growth_followers,
        case
            when gap_days is null then 0
            when previous_count <> 0
                then
                    round(
                        100 * (follower_count - previous_count)::numeric / (previous_count::numeric * gap_days), 2
                    )
        end as daily_growth_percent
    from compared
    order by user_id, recorded_date
    on conflict (user_id, recorded_date) do update
        set
            follower_count = excluded.follower_count,
            heart_count = excluded.heart_count,
            video_count = excluded.video_count,
            basis = excluded.basis,
            gap_days = excluded.gap_days,
            daily_growth_followers = excluded.daily_growth_followers,
            daily_growth_percent = excluded.daily_growth_percent
        where (
            stats.follower_count,
            stats.heart_count,
            stats.video_count,
            stats.basis,
            stats.gap_days,
            stats.daily_growth_followers,
            stats.daily_growth_percent
        ) is distinct from (
            excluded.follower_count,
            excluded.heart_count,
            excluded.video_count,
            excluded.basis,
            excluded.gap_days,
            excluded.daily_growth_followers,
            excluded.daily_growth_percent
        )
    returning stats.user_id, stats.recorded_date
),

counted_anew as (
    select
        written.user_id,
        written.recorded_date
    from written
    left join following
        on written.user_id = following.user_id and written.recorded_date = following.recorded_date
    where following.user_id is null
),

counted_dates as (
    select distinct recorded_date
    from counted_anew
)

insert into comet_stale_scores (recorded_date)
select published.recorded_date
from counted_dates
inner join comet_published_dates as published
    on published.recorded_date between counted_dates.recorded_date and counted_dates.recorded_date + 45
union
select recorded_date
from written
union
select next.recorded_date
from counted_anew
inner join newest_date on counted_anew.recorded_date < newest_date.recorded_date
inner join lateral (
    select snapshot.recorded_date
    from creator_stats as snapshot
    where snapshot.user_id = counted_anew.user_id and snapshot.recorded_date > counted_anew.recorded_date
    order by snapshot.recorded_date asc
    limit 1
) as next on true
on conflict (recorded_date) do nothing;

-- How a creator stands: missing after failed questions on three dates since it was last seen, graduated while its
-- latest known count is above the band it was found in, else tracked. Where TikHub answered for nobody on a date, its
-- failing says nothing about the creator. A creator that no search has found yet is held against the widest band, which
-- any run can widen; a run can widen the band of those whom it finds, also where it brings no count.
-- The latest counts of those who were read on the run's date, where it is the newest one, are read as a whole; those of
-- all others one by one.
with read_last as materialized (
    select distinct on (observation.user_id)
        observation.user_id,
        observation.observed_date,
        observation.follower_count
    from comet_runs as run
    inner join comet_observations as observation on run.recorded_date = observation.observed_date
    where
        run.run_id = %(run_id)s
        and run.recorded_date = (select max(newest.observed_date) from comet_observations as newest)
        and observation.follower_count is not null
    order by
        observation.user_id asc,
        observation.observed_at desc,
        (observation.source = 'profile') desc,
        observation.item_id desc
),

failed_often as (
    select
        user_id,
        max(observed_at) as last_failed_at
    from comet_profiles
    where outcome <> 'found'
    group by user_id
    having count(*) >= 3
),

failing as (
    select failed_often.user_id
    from comet_runs as run
    cross join failed_often
    left join read_last on failed_often.user_id = read_last.user_id
    where
        run.run_id = %(run_id)s
        and (
            read_last.user_id is null
            or (failed_often.last_failed_at at time zone run.timezone)::date > read_last.observed_date
        )
),

failures as materialized (
    select
        failing.user_id,
        failure.outcome,
        failure.recorded_date,
        (failure.observed_at at time zone run.timezone)::date as failed_date
    from comet_runs as run
    cross join failing
    inner join lateral (
        select
            profile.outcome,
            profile.recorded_date,
            profile.observed_at
        from comet_profiles as profile
        where profile.user_id = failing.user_id and profile.outcome <> 'found'
        order by profile.observed_at
        offset 0
    ) as failure on true
    where run.run_id = %(run_id)s
),

answered_dates as (
    select asked.recorded_date
    from (select distinct failures.recorded_date from failures) as asked
    inner join lateral (
        select answer.user_id
        from comet_profiles as answer
        where answer.recorded_date = asked.recorded_date and answer.outcome = 'found'
        order by answer.recorded_date, answer.user_id
        limit 1
    ) as answer on true
),

last_sightings as materialized (
    select
        failing.user_id,
        greatest(
            (
                select max(observation.observed_date)
                from comet_observations as observation
                where observation.user_id = failing.user_id
            ),
            (
                select (max(profile.observed_at) at time zone run.timezone)::date
                from comet_profiles as profile
                where profile.user_id = failing.user_id and profile.outcome = 'found'
            )
        ) as seen_date
    from comet_runs as run
    cross join failing
    where run.run_id = %(run_id)s
),

missing as (
    select failures.user_id
    from failures
    inner join last_sightings on failures.user_id = last_sightings.user_id
    left join answered_dates on failures.recorded_date = answered_dates.recorded_date
    where
        failures.failed_date > coalesce(last_sightings.seen_date, '-infinity')
        and (failures.outcome <> 'failed' or answered_dates.recorded_date is not null)
    group by failures.user_id
    having count(distinct failures.failed_date) >= 3
),

-- Nobody has left a band without having left the narrowest of all.
bounds as (
    select
        min(max_followers) as narrowest,
        max(max_followers) as widest
    from comet_runs
),

touched as (
    select read_last.user_id
    from read_last
    inner join creators as creator on read_last.user_id = creator.user_id
    cross join bounds
    where creator.status <> 'tracked' or read_last.follower_count > bounds.narrowest
    union
    select stale.user_id
    from comet_stale_dates as stale
    left join read_last on stale.user_id = read_last.user_id
    where read_last.user_id is null
    union
    select user_id
    from missing
    union
    select user_id
    from creators
    where status = 'missing'
    union
    select discovery.user_id
    from comet_runs as run
    inner join comet_discoveries as discovery on run.recorded_date = discovery.recorded_date
    where run.run_id = %(run_id)s
    union
    select creator.user_id
    from creators as creator
    left join comet_discoveries as discovery on creator.user_id = discovery.user_id
    where discovery.user_id is null
),

latest as (
    select
        touched.user_id,
        coalesce(read_last.follower_count, looked_up.follower_count) as follower_count
    from touched
    left join read_last on touched.user_id = read_last.user_id
    left join lateral (
        select known.follower_count
        from comet_observations as known
        where
            known.user_id = touched.user_id
            and known.follower_count is not null
            and read_last.user_id is null
        order by
            known.observed_date desc, known.observed_at desc, (known.source = 'profile') desc, known.item_id desc
        limit 1
    ) as looked_up on true
),

standing as (
    select
        creator.user_id,
        case
            when missing.user_id is not null then 'missing'
            when latest.follower_count > coalesce(band.max_followers, bounds.widest) then 'graduated'
            else 'tracked'
        end as status
    from latest
    cross join bounds
    inner join creators as creator on latest.user_id = creator.user_id
    left join missing on latest.user_id = missing.user_id
    left join lateral (
        select max(discovery.max_followers) as max_followers
        from comet_discoveries as discovery
        where discovery.user_id = latest.user_id and latest.follower_count > bounds.narrowest
    ) as band on true
)

update creators as creator
set status = standing.status
from standing
where creator.user_id = standing.user_id and creator.status <> standing.status;

delete from comet_stale_dates
