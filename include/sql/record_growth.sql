-- Derive creator_stats from the readings, the discoveries and the dates that were run; then the status of each creator.
-- Grain: one row per creator and date: observed, estimated between two observed rows, or late before all of them.
-- Idempotent: a live day, a backfilled date and a repeat derive the same rows, and only rows that differ are written.
select
    set_config('statement_timeout', %(statement_timeout)s, true) as statement_timeout,
    set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout,
    set_config('work_mem', '256MB', true) as work_mem,
    set_config('jit', 'off', true) as jit;

-- Runs take turns, so that each sees all that the one before has committed.
lock table comet_locks in share update exclusive mode;

insert into comet_dates as known (recorded_date, is_run)
select
    recorded_date,
    true as is_run
from comet_runs
where run_id = %(run_id)s
on conflict (recorded_date) do update set
    is_run = true
where not known.is_run;

with run as materialized (
    select recorded_date
    from comet_runs
    where run_id = %(run_id)s
),

-- All readings of the dates on which this run has read something, also those landed for another date; all readings ever
-- of creators that are not settled.
readings as (
    select *
    from comet_readings
    where
        is_settled
        and observed_date = any(array(
            select video.observed_date
            from comet_videos as video
            where video.recorded_date = (select run.recorded_date from run)
            union
            select profile.observed_date
            from comet_profiles as profile
            where profile.recorded_date = (select run.recorded_date from run)
        ))
    union all
    select *
    from comet_readings
    where
        user_id = any(array(
            select unsettled.user_id
            from creators as unsettled
            where not unsettled.is_settled
        ))
        and exists (select 1 from run)
),

-- Each count is the last one known on the date; at the same instant a profile beats a search.
counts as materialized (
    select
        user_id,
        observed_date as recorded_date,
        (
            array_agg(follower_count order by observed_at desc, is_profile desc, item_id desc)
            filter (where follower_count is not null)
        )[1] as follower_count,
        (
            array_agg(heart_count order by observed_at desc, is_profile desc, item_id desc)
            filter (where heart_count is not null)
        )[1] as heart_count,
        (
            array_agg(video_count order by observed_at desc, is_profile desc, item_id desc)
            filter (where video_count is not null)
        )[1] as video_count,
        max(observed_at) filter (where follower_count is not null) as counted_at
    from readings
    group by user_id, observed_date
    having
        count(follower_count) > 0
        and bool_or(not is_settled or recorded_date = (select run.recorded_date from run))
),

-- The dates whose neighbouring counts are needed: those of new counts, and the run's date if later counts exist.
lookups as (
    select
        user_id,
        recorded_date
    from counts
    union all
    select
        creator.user_id,
        run.recorded_date
    from run
    cross join creators as creator
    where
        run.recorded_date < (select max(newest.recorded_date) from comet_dates as newest)
        and not exists (
            select 1
            from counts
            where counts.user_id = creator.user_id and counts.recorded_date = run.recorded_date
        )
),

stored as (
    select
        snapshot.*,
        true as is_changed
    from creators as creator
    inner join lateral (
        select own.*
        from comet_snapshots as own
        where own.user_id = creator.user_id and own.basis = 'observed'
    ) as snapshot on true
    where not creator.is_settled
    union all
    select
        snapshot.*,
        false as is_changed
    from run
    inner join comet_counts as snapshot on run.recorded_date = snapshot.recorded_date and snapshot.basis = 'observed'
    union all
    select
        before.*,
        false as is_changed
    from lookups
    cross join lateral comet_newest(lookups.user_id, lookups.recorded_date - 1, '{observed}') as before
    union all
    select
        after.*,
        false as is_changed
    from lookups
    cross join lateral comet_count_after(lookups.user_id, lookups.recorded_date) as after
    where lookups.recorded_date < (select max(newest.recorded_date) from comet_dates as newest)
),

known as (
    select distinct on (user_id, recorded_date) *
    from (
        select
            user_id,
            recorded_date,
            follower_count,
            heart_count,
            video_count,
            counted_at,
            true as is_changed,
            true as is_read
        from counts
        union all
        select
            user_id,
            recorded_date,
            follower_count,
            heart_count,
            video_count,
            counted_at,
            is_changed,
            false as is_read
        from stored
    ) as counted
    order by user_id asc, recorded_date asc, is_read desc, is_changed desc
),

-- A span ends at a known count and begins at the one before. It is derived where one end is new or the run's date lies
-- inside.
all_spans as (
    select
        *,
        lag(recorded_date, 1, '-infinity') over by_date as after_date,
        lag(recorded_date) over by_date as from_date,
        lag(follower_count) over by_date as from_count,
        lag(counted_at) over by_date as from_instant,
        is_changed or lag(is_changed, 1, false) over by_date as is_new
    from known
    window by_date as (partition by user_id order by recorded_date)
),

spans as (
    select all_spans.*
    from all_spans
    cross join run
    where
        all_spans.is_new
        or (all_spans.after_date < run.recorded_date and run.recorded_date < all_spans.recorded_date)
),

-- An imported row without a count stays, and no estimate replaces it.
snapshots as (
    select
        user_id,
        recorded_date,
        recorded_date as to_date,
        'observed' as basis,
        follower_count,
        heart_count,
        video_count,
        counted_at,
        from_date,
        from_count,
        is_new
    from spans
    union all
    select
        span.user_id,
        date.recorded_date,
        span.recorded_date as to_date,
        case when span.from_date is null then 'late' else 'estimated' end as basis,
        coalesce(
            round(
                span.from_count + (span.follower_count - span.from_count)::numeric * line.day_count / line.length
            )::bigint,
            span.follower_count
        ) as follower_count,
        null as heart_count,
        null as video_count,
        span.from_instant
        + (span.counted_at - span.from_instant) * (line.day_count::double precision / line.length) as counted_at,
        span.from_date,
        span.from_count,
        span.is_new
    from spans as span
    inner join comet_dates as date
        on span.after_date < date.recorded_date and span.recorded_date > date.recorded_date and date.is_run
    inner join lateral (
        values (date.recorded_date - span.from_date, span.recorded_date - span.from_date)
    ) as line (day_count, length) on true
    where
        (
            span.from_date is not null
            or exists (
                select 1
                from comet_discoveries as discovery
                where discovery.recorded_date = date.recorded_date and discovery.user_id = span.user_id
            )
        )
        and not exists (
            select 1
            from creator_stats as uncounted
            where
                uncounted.recorded_date = date.recorded_date
                and uncounted.user_id = span.user_id
                and uncounted.basis = 'observed'
                and uncounted.counted_at is null
                and coalesce(uncounted.follower_count, 0) = 0
        )
),

-- Growth is since the row before, which lies in the same span or begins it. A late row begins no span.
with_growth as (
    select
        *,
        case
            when from_date is not null then lag(follower_count, 1, from_count) over by_date
        end as previous_count,
        case
            when from_date is not null then recorded_date - lag(recorded_date, 1, from_date) over by_date
        end as gap_days
    from snapshots
    window by_date as (partition by user_id, to_date order by recorded_date)
),

upserted as (
    insert into creator_stats as known (
        user_id, recorded_date, follower_count, heart_count, video_count, basis, counted_at, gap_days,
        daily_growth_followers, daily_growth_percent
    )
    select
        user_id,
        recorded_date,
        follower_count,
        heart_count,
        video_count,
        basis,
        counted_at,
        gap_days,
        case when gap_days is null then 0 else round((follower_count - previous_count)::numeric / gap_days) end
            as daily_growth_followers,
        case
            when gap_days is null then 0
            when previous_count > 0
                then round(100 * (follower_count - previous_count)::numeric / (previous_count::numeric * gap_days), 2)
        end as daily_growth_percent
    from with_growth
    where
        (basis <> 'observed' or counted_at is not null)
        and (is_new or (select run.recorded_date from run) in (recorded_date, recorded_date - gap_days))
    order by recorded_date, user_id
    on conflict (recorded_date, user_id) do update
        set
            follower_count = excluded.follower_count,
            heart_count = excluded.heart_count,
            video_count = excluded.video_count,
            basis = excluded.basis,
            counted_at = excluded.counted_at,
            gap_days = excluded.gap_days,
            daily_growth_followers = excluded.daily_growth_followers,
            daily_growth_percent = excluded.daily_growth_percent
        where (
            known.follower_count, known.heart_count, known.video_count, known.basis, known.counted_at, known.gap_days,
            known.daily_growth_followers, known.daily_growth_percent
        ) is distinct from (
            excluded.follower_count, excluded.heart_count, excluded.video_count, excluded.basis, excluded.counted_at,
            excluded.gap_days, excluded.daily_growth_followers, excluded.daily_growth_percent
        )
    returning known.recorded_date
)

insert into comet_dates (recorded_date, is_run)
select distinct
    recorded_date,
    false as is_run
from upserted
on conflict (recorded_date) do nothing;

-- Missing: profile calls failed on three dates since the last reading, on each of which TikHub answered for others.
-- Graduated: the newest count is above the band of the discovery (without one, above the widest band of all runs).
-- Only creators that this run's answers can change are candidates.
with bounds as (
    select
        min(max_followers) as narrowest,
        max(max_followers) as widest
    from comet_runs
    having bool_or(run_id = %(run_id)s)
),

answered_dates as materialized (
    select profile.observed_date
    from comet_runs as run
    inner join comet_profiles as profile on run.recorded_date = profile.recorded_date
    where run.run_id = %(run_id)s
    union
    select video.observed_date
    from comet_runs as run
    inner join comet_videos as video on run.recorded_date = video.recorded_date
    where run.run_id = %(run_id)s
),

failing as (
    select failure.user_id
    from comet_profiles as failure
    where
        failure.outcome <> 'found'
        and not failure.is_discarded
        and failure.observed_date = any(array(select answered_dates.observed_date from answered_dates))
        and (
            select count(distinct other.observed_date)
            from comet_profiles as other
            where other.user_id = failure.user_id and other.outcome <> 'found' and not other.is_discarded
        ) >= 3
    union
    select creator.user_id
    from creators as creator
    where not creator.is_settled
    union
    select creator.user_id
    from creators as creator
    inner join comet_landed_readings as reading on creator.user_id = reading.user_id
    where
        creator.status = 'missing'
        and reading.observed_date = any(array(select answered_dates.observed_date from answered_dates))
),

last_readings as materialized (
    select
        failing.user_id,
        coalesce(greatest(answer.observed_date, counted.recorded_date), '-infinity') as read_date
    from failing
    left join lateral (
        select reading.observed_date
        from comet_landed_readings as reading
        where
            reading.user_id = failing.user_id
            and (reading.is_profile or reading.follower_count is not null)
        order by reading.observed_at desc
        limit 1
    ) as answer on true
    left join lateral comet_newest(failing.user_id, 'infinity', '{observed}') as counted
        on counted.counted_at is not null
),

missing as (
    select last_readings.user_id
    from last_readings
    inner join lateral (
        select count(distinct failure.observed_date) as date_count
        from comet_failures as failure
        where failure.user_id = last_readings.user_id and failure.observed_date > last_readings.read_date
    ) as failures on failures.date_count >= 3
),

candidates as (
    select creator.user_id
    from creators as creator
    where creator.status = 'graduated'
    union
    select last_readings.user_id
    from last_readings
    union
    select stats.user_id
    from creator_stats as stats
    where
        stats.recorded_date = any(array(select answered_dates.observed_date from answered_dates))
        and stats.follower_count > (select bounds.narrowest from bounds)
    union
    select discovery.user_id
    from comet_runs as run
    inner join comet_discoveries as discovery on run.recorded_date = discovery.recorded_date
    where run.run_id = %(run_id)s
),

statuses as (
    select
        candidates.user_id,
        case
            when missing.user_id is not null then 'missing'
            when latest.follower_count > coalesce(band.max_followers, bounds.widest) then 'graduated'
            else 'tracked'
        end as status
    from bounds
    cross join candidates
    left join missing on candidates.user_id = missing.user_id
    left join lateral comet_newest(candidates.user_id, 'infinity', '{observed}') as latest on true
    left join lateral (
        select max(discovery.max_followers) as max_followers
        from comet_discoveries as discovery
        where discovery.user_id = candidates.user_id
    ) as band on true
)

update creators as creator
set
    status = statuses.status,
    is_settled = true
from statuses
where
    creator.user_id = statuses.user_id
    -- Only a new reading ends the status of a missing creator.
    and (creator.status <> 'missing' or creator.user_id in (select last_readings.user_id from last_readings))
    and (creator.status, creator.is_settled) is distinct from (statuses.status, true)
