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
    set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout;

-- Runs take turns: each sees all that the one before has committed, and the work list is its own.
select pg_advisory_xact_lock(hashtextextended('comet_discovery', 0));

insert into comet_run_dates (recorded_date)
select recorded_date
from comet_runs
where run_id = %(run_id)s
on conflict (recorded_date) do nothing;

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

-- Observations count from the day on which a creator first qualified.
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
    on conflict (source, item_id) do nothing
    returning user_id, observed_date
)

insert into comet_stale_dates (user_id, recorded_date)
select distinct
    user_id,
    observed_date
from arrived;

-- A count changes the dates between its neighbouring known counts, each metric by itself.
insert into comet_stale_dates (user_id, recorded_date)
select distinct
    arrived.user_id,
    run_date.recorded_date
from comet_stale_dates as arrived
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

-- The run's own date, for every creator that can have a row on it.
insert into comet_stale_dates (user_id, recorded_date)
select distinct
    observation.user_id,
    run.recorded_date
from comet_runs as run
inner join comet_observations as observation on run.recorded_date <= observation.observed_date
where run.run_id = %(run_id)s
on conflict (user_id, recorded_date) do nothing;

-- Every date of a creator whose first day has just become known, or whose history has moved here from another key.
insert into comet_stale_dates (user_id, recorded_date)
select
    creator.user_id,
    run_date.recorded_date
from comet_runs as run
cross join creators as creator
cross join comet_run_dates as run_date
where run.run_id = %(run_id)s and not creator.is_gathered
on conflict (user_id, recorded_date) do nothing;

update creators
set is_gathered = true
from comet_runs as run
where run.run_id = %(run_id)s and not creators.is_gathered;

-- The snapshots, and which scores change with them: those of the same date, those of the dates up to 45 days later,
-- whose growth can begin here, and those of the creator's next snapshot, which is compared with this one.
with stale as (
    select
        work.user_id,
        work.recorded_date,
        discovery.user_id is not null as is_discovered
    from comet_stale_dates as work
    inner join comet_run_dates as run_date on work.recorded_date = run_date.recorded_date
    left join lateral (
        select proof.user_id
        from comet_discoveries as proof
        where proof.recorded_date = work.recorded_date and proof.user_id = work.user_id
        order by proof.user_id
        limit 1
    ) as discovery on true
),

derived as (
    select
        stale.user_id,
        stale.recorded_date,
        metric.name as metric,
        case
            when same_day.value is not null then 'observed'
            when earlier.value is not null and later.value is not null then 'estimated'
            when later.value is not null and stale.is_discovered then 'late'
        end as basis,
        case
            when same_day.value is not null then same_day.value
            when earlier.value is not null and later.value is not null
                then round(
                    (
                        earlier.value::numeric * (later.observed_date - stale.recorded_date)
                        + later.value::numeric * (stale.recorded_date - earlier.observed_date)
                    ) / (later.observed_date - earlier.observed_date)
                )::bigint
            when stale.is_discovered then later.value
        end as value
    from stale
    cross join (values ('followers'), ('hearts'), ('videos')) as metric (name)
    left join lateral (
        select known.value
        from comet_known_counts as known
        where
            known.user_id = stale.user_id
            and known.metric = metric.name
            and known.observed_date = stale.recorded_date
        order by known.observed_at desc, (known.source = 'profile') desc, known.item_id desc
        limit 1
    ) as same_day on true
    left join lateral (
        select
            known.observed_date,
            known.value
        from comet_known_counts as known
        where
            known.user_id = stale.user_id
            and known.metric = metric.name
            and known.observed_date < stale.recorded_date
            and same_day.value is null
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
            known.user_id = stale.user_id
            and known.metric = metric.name
            and known.observed_date > stale.recorded_date
            and same_day.value is null
        order by known.observed_date asc, known.observed_at asc, (known.source = 'profile') asc, known.item_id asc
        limit 1
    ) as later on true
),

snapshots as (
    select
        user_id,
        recorded_date,
        max(value) filter (where metric = 'followers') as follower_count,
        max(value) filter (where metric = 'hearts') as heart_count,
        max(value) filter (where metric = 'videos') as video_count,
        max(basis) filter (where metric = 'followers') as basis,
        max(basis) filter (where metric = 'hearts') as heart_basis,
        max(basis) filter (where metric = 'videos') as video_basis
    from derived
    group by user_id, recorded_date
),

-- An observed row shows only counts of its own date.
written as (
    insert into creator_stats as stats (user_id, recorded_date, follower_count, heart_count, video_count, basis)
    select
        user_id,
        recorded_date,
        follower_count,
        case when basis <> 'observed' or heart_basis = 'observed' then heart_count end as heart_count,
        case when basis <> 'observed' or video_basis = 'observed' then video_count end as video_count,
        basis
    from snapshots
    where follower_count is not null
    order by user_id, recorded_date
    on conflict (user_id, recorded_date) do update
        set
            follower_count = excluded.follower_count,
            heart_count = excluded.heart_count,
            video_count = excluded.video_count,
            basis = excluded.basis
        where (
            stats.follower_count, stats.heart_count, stats.video_count, stats.basis
        ) is distinct from (
            excluded.follower_count, excluded.heart_count, excluded.video_count, excluded.basis
        )
    returning stats.user_id, stats.recorded_date
),

written_dates as (
    select distinct recorded_date
    from written
)

insert into comet_stale_scores (recorded_date)
select published.recorded_date
from written_dates
inner join comet_published_dates as published
    on published.recorded_date between written_dates.recorded_date and written_dates.recorded_date + 45
union
select following.recorded_date
from written
inner join lateral (
    select snapshot.recorded_date
    from creator_stats as snapshot
    where snapshot.user_id = written.user_id and snapshot.recorded_date > written.recorded_date
    order by snapshot.recorded_date asc
    limit 1
) as following on true
on conflict (recorded_date) do nothing;

-- Growth against the previous snapshot: of the rows derived above, and of the row after each of them.
-- An imported row keeps the growth that it came with until such a row stands before it.
with derived as (
    select
        work.user_id,
        work.recorded_date
    from comet_stale_dates as work
    inner join comet_run_dates as run_date on work.recorded_date = run_date.recorded_date
    inner join creator_stats as snapshot
        on work.user_id = snapshot.user_id and work.recorded_date = snapshot.recorded_date
),

touched as (
    select
        user_id,
        recorded_date
    from derived
    union
    select
        derived.user_id,
        following.recorded_date
    from derived
    cross join lateral (
        select snapshot.recorded_date
        from creator_stats as snapshot
        where snapshot.user_id = derived.user_id and snapshot.recorded_date > derived.recorded_date
        order by snapshot.recorded_date asc
        limit 1
    ) as following
),

compared as (
    select
        snapshot.id,
        snapshot.follower_count - previous.follower_count as gained_count,
        previous.follower_count as previous_count,
        snapshot.recorded_date - previous.recorded_date as gap_days
    from touched
    inner join creator_stats as snapshot
        on touched.user_id = snapshot.user_id and touched.recorded_date = snapshot.recorded_date
    left join lateral (
        select
            earlier.recorded_date,
            earlier.follower_count
        from creator_stats as earlier
        where
            earlier.user_id = snapshot.user_id
            and earlier.recorded_date < snapshot.recorded_date
            and earlier.follower_count is not null
        order by earlier.recorded_date desc
        limit 1
    ) as previous on true
    where snapshot.follower_count is not null
),

growth as (
    select
        id,
        gap_days,
        case when gap_days is null then 0 else round(gained_count::numeric / gap_days)::bigint end
            as daily_growth_followers,
        case
            when gap_days is null then 0
            when previous_count <> 0
                then round(100 * gained_count::numeric / (previous_count::numeric * gap_days), 2)
        end as daily_growth_percent
    from compared
),

written as (
    update creator_stats as stats
    set
        gap_days = growth.gap_days,
        daily_growth_followers = growth.daily_growth_followers,
        daily_growth_percent = growth.daily_growth_percent
    from growth
    where
        stats.id = growth.id
        and (stats.gap_days, stats.daily_growth_followers, stats.daily_growth_percent)
        is distinct from (growth.gap_days, growth.daily_growth_followers, growth.daily_growth_percent)
    returning stats.recorded_date
)

insert into comet_stale_scores (recorded_date)
select distinct recorded_date
from written
on conflict (recorded_date) do nothing;

-- How a creator stands: missing after failed questions on three dates since it was last seen, graduated while its
-- latest known count is above the band it was found in, else tracked. Where TikHub answered for nobody on a date, its
-- failing says nothing about the creator. A creator that no search has found yet is held against the widest band, which
-- any run can widen; a run can widen the band of those whom it finds, also where it brings no count.
with touched as (
    select user_id
    from comet_stale_dates
    union
    select user_id
    from comet_profiles
    where outcome <> 'found'
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

failures as (
    select
        failure.user_id,
        (failure.observed_at at time zone run.timezone)::date as failed_date
    from comet_profiles as failure
    inner join comet_runs as run on run.run_id = %(run_id)s
    where
        failure.outcome in ('no_account', 'refused')
        or (
            failure.outcome = 'failed'
            and exists (
                select 1
                from comet_profiles as answer
                where answer.recorded_date = failure.recorded_date and answer.outcome = 'found'
            )
        )
),

sightings as (
    select
        observation.user_id,
        observation.observed_date as seen_date
    from comet_observations as observation
    where observation.user_id in (select failures.user_id from failures)
    union all
    select
        profile.user_id,
        (profile.observed_at at time zone run.timezone)::date as seen_date
    from comet_profiles as profile
    inner join comet_runs as run on run.run_id = %(run_id)s
    where profile.outcome = 'found' and profile.user_id in (select failures.user_id from failures)
),

last_sightings as (
    select
        user_id,
        max(seen_date) as seen_date
    from sightings
    group by user_id
),

missing as (
    select failures.user_id
    from failures
    left join last_sightings on failures.user_id = last_sightings.user_id
    where failures.failed_date > coalesce(last_sightings.seen_date, '-infinity')
    group by failures.user_id
    having count(distinct failures.failed_date) >= 3
),

latest_counts as (
    select
        touched.user_id,
        latest.value as follower_count
    from touched
    cross join lateral (
        select known.value
        from comet_known_counts as known
        where known.user_id = touched.user_id and known.metric = 'followers'
        order by
            known.observed_date desc, known.observed_at desc, (known.source = 'profile') desc, known.item_id desc
        limit 1
    ) as latest
),

bands as (
    select
        discovery.user_id,
        max(discovery.max_followers) as max_followers
    from touched
    inner join comet_discoveries as discovery on touched.user_id = discovery.user_id
    group by discovery.user_id
),

widest as (
    select max(max_followers) as max_followers
    from comet_runs
),

standing as (
    select
        touched.user_id,
        case
            when missing.user_id is not null then 'missing'
            when latest_counts.follower_count > coalesce(bands.max_followers, widest.max_followers) then 'graduated'
            else 'tracked'
        end as status
    from comet_runs as run
    cross join touched
    cross join widest
    left join missing on touched.user_id = missing.user_id
    left join latest_counts on touched.user_id = latest_counts.user_id
    left join bands on touched.user_id = bands.user_id
    where run.run_id = %(run_id)s
)

update creators as creator
set status = standing.status
from standing
where creator.user_id = standing.user_id and creator.status <> standing.status;

delete from comet_stale_dates
