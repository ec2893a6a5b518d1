-- Purpose: bring `creators` up to date with what was landed for the run's date; before the roll call, so that it asks
-- for today's Comets too, and after it.
-- Inputs: comet_runs, comet_discoveries, comet_sightings, comet_moves. Output: creators, comet_handles; where a key
-- changes, creator_stats and comet_scores.
-- Grain: one row per creator that qualified on the date, or is tracked and was seen again.
-- Idempotent: a column takes the newest known value (between equally new ones the greater), first_found_at the earliest
-- instant, so order and repetition do not matter. A run that was not accepted changes nothing.

-- The database ends a statement, or its waiting for a lock, before Airflow ends the task.
select
    set_config('statement_timeout', %(statement_timeout)s, true) as statement_timeout,
    set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout,
    set_config('work_mem', '64MB', true) as work_mem;

-- Runs take turns: they never wait for each other in a circle.
select pg_advisory_xact_lock(hashtextextended('comet_discovery', 0));

-- A creator that an older installation keyed by sec_uid gets the numeric id, with the whole history, and is tracked
-- from ever as before.
insert into creators as creator (user_id)
select move.user_id
from comet_moves as move
where move.run_id = %(run_id)s
on conflict (user_id) do update set
    first_found_at = null,
    tracked_since = null,
    is_settled = false;

-- On a date that both keys have, the row with an instant stays, else the imported one of the numeric id. Rows that are
-- derived are derived again by record_growth.
with histories as (
    select
        stats.id,
        move.user_id,
        stats.basis = 'observed' as is_observed,
        row_number() over (
            partition by move.user_id, stats.recorded_date
            order by
                stats.basis = 'observed' desc,
                stats.counted_at is not null desc,
                stats.user_id = move.user_id desc
        ) as place
    from comet_moves as move
    cross join comet_dates as date
    inner join creator_stats as stats
        on date.recorded_date = stats.recorded_date and stats.user_id in (move.legacy_id, move.user_id)
    where move.run_id = %(run_id)s
)

delete from creator_stats as stats
using histories
where stats.id = histories.id and (histories.place > 1 or not histories.is_observed);

update creator_stats as stats
set user_id = move.user_id
from comet_moves as move
cross join comet_dates as date
where
    move.run_id = %(run_id)s
    and stats.recorded_date = date.recorded_date
    and stats.user_id = move.legacy_id;

delete from comet_scores as score
using comet_moves as move, comet_dates as date
where
    move.run_id = %(run_id)s
    and score.recorded_date = date.recorded_date
    and score.user_id = move.legacy_id
    and exists (
        select 1
        from comet_scores as own
        where own.recorded_date = score.recorded_date and own.user_id = move.user_id
    );

update comet_scores as score
set user_id = move.user_id
from comet_moves as move
cross join comet_dates as date
where
    move.run_id = %(run_id)s
    and score.recorded_date = date.recorded_date
    and score.user_id = move.legacy_id;

insert into comet_handles as known (user_id, handle, first_seen_at, last_seen_at)
select
    move.user_id,
    legacy.handle,
    legacy.first_seen_at,
    legacy.last_seen_at
from comet_moves as move
inner join comet_handles as legacy on move.legacy_id = legacy.user_id
where move.run_id = %(run_id)s
on conflict (user_id, handle) do update set
    first_seen_at = least(known.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at);

-- New is a creator once: in the run that inserts it here. An earlier discovery found by a later run changes nothing of
-- that, but all readings since then count.
insert into creators as creator (user_id, first_found_at, tracked_since, found_by_run_id)
select
    discovery.user_id,
    min(discovery.found_at) as first_found_at,
    (min(discovery.found_at) at time zone run.timezone)::date as tracked_since,
    run.run_id as found_by_run_id
from comet_runs as run
inner join comet_discoveries as discovery on run.recorded_date = discovery.recorded_date
where run.run_id = %(run_id)s
group by run.run_id, run.timezone, discovery.user_id
on conflict (user_id) do update set
    first_found_at = excluded.first_found_at,
    tracked_since = excluded.tracked_since,
    is_settled = false
where creator.first_found_at > excluded.first_found_at;

insert into comet_handles as known (user_id, handle, first_seen_at, last_seen_at)
select
    user_id,
    handle,
    min(observed_at) as first_seen_at,
    max(observed_at) as last_seen_at
from comet_run_sightings
where run_id = %(run_id)s and handle is not null
group by user_id, handle
on conflict (user_id, handle) do update set
    first_seen_at = least(known.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at)
where excluded.first_seen_at < known.first_seen_at or excluded.last_seen_at > known.last_seen_at;

-- Merge rules, column by column: the newest known value wins; last_updated_at: the latest.
with seen as materialized (
    select *
    from comet_run_sightings
    where run_id = %(run_id)s
),

stored as (
    select
        creator.user_id as stored_id,
        creator.*
    from creators as creator
    where creator.user_id in (select seen.user_id from seen)
    union all
    select
        move.user_id as stored_id,
        legacy.*
    from comet_moves as move
    inner join creators as legacy on move.legacy_id = legacy.user_id
    where move.run_id = %(run_id)s
),

said as (
    select
        seen.user_id,
        attribute.name,
        attribute.value,
        seen.observed_at
    from seen
    inner join lateral (
        values
        ('handle', seen.handle),
        ('nickname', seen.nickname),
        ('avatar_url', seen.avatar_url),
        ('signature', seen.signature),
        ('sec_uid', seen.sec_uid),
        (null, '')
    ) as attribute (name, value) on true
    where attribute.value is not null
    union all
    select
        stored.stored_id as user_id,
        attribute.name,
        attribute.value,
        attribute.observed_at
    from stored
    inner join lateral (
        values
        ('handle', stored.handle, stored.handle_observed_at),
        ('nickname', stored.nickname, stored.nickname_observed_at),
        ('avatar_url', stored.avatar_url, stored.avatar_url_observed_at),
        ('signature', stored.signature, stored.signature_observed_at),
        ('sec_uid', stored.sec_uid, stored.sec_uid_observed_at),
        (null, '', stored.last_updated_at)
    ) as attribute (name, value, observed_at) on true
    where attribute.value is not null
),

last_said as (
    select distinct on (user_id, name) *
    from said
    order by user_id asc, name asc, observed_at desc nulls last, value desc
),

newest as (
    select
        user_id,
        max(value) filter (where name = 'handle') as handle,
        max(value) filter (where name = 'nickname') as nickname,
        max(value) filter (where name = 'avatar_url') as avatar_url,
        max(value) filter (where name = 'signature') as signature,
        max(value) filter (where name = 'sec_uid') as sec_uid,
        max(observed_at) filter (where name = 'handle') as handle_observed_at,
        max(observed_at) filter (where name = 'nickname') as nickname_observed_at,
        max(observed_at) filter (where name = 'avatar_url') as avatar_url_observed_at,
        max(observed_at) filter (where name = 'signature') as signature_observed_at,
        max(observed_at) filter (where name = 'sec_uid') as sec_uid_observed_at,
        max(observed_at) as last_updated_at
    from last_said
    group by user_id
)

update creators as creator
set
    handle = newest.handle,
    nickname = newest.nickname,
    avatar_url = newest.avatar_url,
    signature = newest.signature,
    sec_uid = newest.sec_uid,
    handle_observed_at = newest.handle_observed_at,
    nickname_observed_at = newest.nickname_observed_at,
    avatar_url_observed_at = newest.avatar_url_observed_at,
    signature_observed_at = newest.signature_observed_at,
    sec_uid_observed_at = newest.sec_uid_observed_at,
    last_updated_at = newest.last_updated_at
from newest
where
    creator.user_id = newest.user_id
    and (
        creator.handle, creator.nickname, creator.avatar_url, creator.signature, creator.sec_uid,
        creator.handle_observed_at, creator.nickname_observed_at, creator.avatar_url_observed_at,
        creator.signature_observed_at, creator.sec_uid_observed_at, creator.last_updated_at
    ) is distinct from (
        newest.handle, newest.nickname, newest.avatar_url, newest.signature, newest.sec_uid,
        newest.handle_observed_at, newest.nickname_observed_at, newest.avatar_url_observed_at,
        newest.signature_observed_at, newest.sec_uid_observed_at, newest.last_updated_at
    );

delete from comet_handles as known
using comet_moves as move
where move.run_id = %(run_id)s and known.user_id = move.legacy_id;

delete from creators as legacy
using comet_moves as move
where move.run_id = %(run_id)s and legacy.user_id = move.legacy_id
