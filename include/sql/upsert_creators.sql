-- Purpose: bring `creators` up to date with what was landed for the run's date; before the roll call, so that it asks
-- for today's Comets too, and after it.
-- Inputs: comet_runs, comet_discoveries, comet_run_sightings. Output: creators, comet_handles; where a key changes,
-- every table that holds the history, and comet_stale_scores.
-- Grain: one row per creator that qualified on the date, or is tracked and was seen again.
-- Idempotent: a column takes the newest known value (between equally new ones the greater), tracked_since the earliest
-- date, so order and repetition do not matter. A run that was not accepted changes nothing.

-- The database ends a statement, or its waiting for a lock, before Airflow ends the task.
select
    set_config('statement_timeout', %(statement_timeout)s, true) as statement_timeout,
    set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout;

-- Runs take turns: they never wait for each other in a circle, and the work list is their own.
select pg_advisory_xact_lock(hashtextextended('comet_discovery', 0));

-- A creator that an older installation keyed by sec_uid gets the numeric id, with the whole history. Should one of two
-- ids have several partners, the first of them is taken now.
insert into comet_moves (legacy_id, user_id)
with seen as (
    select
        video.sec_uid,
        video.user_id
    from comet_runs as run
    inner join comet_searches as search on run.recorded_date = search.recorded_date
    inner join comet_pages as page on search.search_id = page.search_id
    inner join comet_videos as video on page.page_id = video.page_id
    where run.run_id = %(run_id)s
    union
    select
        profile.sec_uid,
        profile.user_id
    from comet_runs as run
    inner join comet_profiles as profile on run.recorded_date = profile.recorded_date
    where run.run_id = %(run_id)s and profile.outcome = 'found' and not profile.is_refused
)

select
    legacy.user_id as legacy_id,
    seen.user_id
from creators as legacy
inner join seen on legacy.user_id = seen.sec_uid
where starts_with(legacy.user_id, 'MS4wLjAB') and legacy.user_id <> seen.user_id
order by legacy.user_id, seen.user_id
on conflict do nothing;

insert into creators (user_id, tracked_since)
select
    move.user_id,
    legacy.tracked_since
from comet_moves as move
inner join creators as legacy on move.legacy_id = legacy.user_id
on conflict (user_id) do update set
    tracked_since = least(creators.tracked_since, excluded.tracked_since),
    is_gathered = false;

-- Scores are made anew under the new key: on the dates of the history, on those up to 45 days later, whose growth can
-- begin here, and on that of the next snapshot.
with snapshots as (
    select
        move.user_id,
        legacy.recorded_date
    from comet_moves as move
    inner join creator_stats as legacy on move.legacy_id = legacy.user_id
    where legacy.recorded_date is not null
),

dates as (
    select distinct recorded_date
    from snapshots
)

insert into comet_stale_scores (recorded_date)
select recorded_date
from dates
union
select published.recorded_date
from dates
inner join comet_published_dates as published
    on published.recorded_date between dates.recorded_date and dates.recorded_date + 45
union
select following.recorded_date
from snapshots
inner join lateral (
    select own.recorded_date
    from creator_stats as own
    where own.user_id = snapshots.user_id and own.recorded_date > snapshots.recorded_date
    order by own.recorded_date asc
    limit 1
) as following on true
on conflict (recorded_date) do nothing;

delete from comet_scores as score
using comet_moves as move
where score.user_id = move.legacy_id;

with movable as (
    select
        legacy.id,
        move.user_id
    from comet_moves as move
    inner join creator_stats as legacy on move.legacy_id = legacy.user_id
    left join creator_stats as own
        on move.user_id = own.user_id and legacy.recorded_date = own.recorded_date
    where own.id is null
)

update creator_stats as stats
set user_id = movable.user_id
from movable
where stats.id = movable.id;

-- What is left under the old key are dates that both keys have; their counts stay as observations.
delete from creator_stats as stats
using comet_moves as move
where stats.user_id = move.legacy_id;

update comet_observations as observation
set user_id = move.user_id
from comet_moves as move
where observation.user_id = move.legacy_id;

insert into comet_handles as known (user_id, handle, first_seen_at, last_seen_at)
select
    move.user_id,
    legacy.handle,
    legacy.first_seen_at,
    legacy.last_seen_at
from comet_moves as move
inner join comet_handles as legacy on move.legacy_id = legacy.user_id
on conflict (user_id, handle) do update set
    first_seen_at = least(known.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at);

delete from comet_handles as known
using comet_moves as move
where known.user_id = move.legacy_id;

-- New is a creator once: in the run that inserts it here. An earlier date found by a later run changes nothing of that.
insert into creators as creator (user_id, tracked_since, found_by_run_id)
select distinct
    discovery.user_id,
    run.recorded_date as tracked_since,
    run.run_id as found_by_run_id
from comet_runs as run
inner join comet_discoveries as discovery on run.recorded_date = discovery.recorded_date
where run.run_id = %(run_id)s
on conflict (user_id) do update set
    tracked_since = excluded.tracked_since,
    is_gathered = false
where creator.tracked_since is null or creator.tracked_since > excluded.tracked_since;

-- Merge rules, column by column: the newest known value wins; last_updated_at: the latest.
with seen as (
    select
        user_id,
        observed_at,
        handle,
        nickname,
        avatar_url,
        signature,
        sec_uid
    from comet_run_sightings
    where for_run_id = %(run_id)s
),

known as (
    select
        user_id,
        observed_at as last_updated_at,
        handle,
        observed_at as handle_observed_at,
        nickname,
        observed_at as nickname_observed_at,
        avatar_url,
        observed_at as avatar_url_observed_at,
        signature,
        observed_at as signature_observed_at,
        sec_uid,
        observed_at as sec_uid_observed_at
    from seen
    union all
    select
        user_id,
        last_updated_at,
        handle,
        handle_observed_at,
        nickname,
        nickname_observed_at,
        avatar_url,
        avatar_url_observed_at,
        signature,
        signature_observed_at,
        sec_uid,
        sec_uid_observed_at
    from creators
    where user_id in (select seen.user_id from seen)
    union all
    select
        move.user_id,
        legacy.last_updated_at,
        legacy.handle,
        legacy.handle_observed_at,
        legacy.nickname,
        legacy.nickname_observed_at,
        legacy.avatar_url,
        legacy.avatar_url_observed_at,
        legacy.signature,
        legacy.signature_observed_at,
        legacy.sec_uid,
        legacy.sec_uid_observed_at
    from comet_moves as move
    inner join creators as legacy on move.legacy_id = legacy.user_id
),

newest as (
    select
        user_id,
        max(last_updated_at) as last_updated_at,
        (
            array_agg(handle order by handle_observed_at desc nulls last, handle desc)
            filter (where handle is not null)
        )[1] as handle,
        max(handle_observed_at) filter (where handle is not null) as handle_observed_at,
        (
            array_agg(nickname order by nickname_observed_at desc nulls last, nickname desc)
            filter (where nickname is not null)
        )[1] as nickname,
        max(nickname_observed_at) filter (where nickname is not null) as nickname_observed_at,
        (
            array_agg(avatar_url order by avatar_url_observed_at desc nulls last, avatar_url desc)
            filter (where avatar_url is not null)
        )[1] as avatar_url,
        max(avatar_url_observed_at) filter (where avatar_url is not null) as avatar_url_observed_at,
        (
            array_agg(signature order by signature_observed_at desc nulls last, signature desc)
            filter (where signature is not null)
        )[1] as signature,
        max(signature_observed_at) filter (where signature is not null) as signature_observed_at,
        (
            array_agg(sec_uid order by sec_uid_observed_at desc nulls last, sec_uid desc)
            filter (where sec_uid is not null)
        )[1] as sec_uid,
        max(sec_uid_observed_at) filter (where sec_uid is not null) as sec_uid_observed_at
    from known
    group by user_id
)

update creators as creator
set
    last_updated_at = newest.last_updated_at,
    handle = newest.handle,
    handle_observed_at = newest.handle_observed_at,
    nickname = newest.nickname,
    nickname_observed_at = newest.nickname_observed_at,
    avatar_url = newest.avatar_url,
    avatar_url_observed_at = newest.avatar_url_observed_at,
    signature = newest.signature,
    signature_observed_at = newest.signature_observed_at,
    sec_uid = newest.sec_uid,
    sec_uid_observed_at = newest.sec_uid_observed_at
from newest
where
    creator.user_id = newest.user_id
    and (
        creator.last_updated_at,
        creator.handle,
        creator.handle_observed_at,
        creator.nickname,
        creator.nickname_observed_at,
        creator.avatar_url,
        creator.avatar_url_observed_at,
        creator.signature,
        creator.signature_observed_at,
        creator.sec_uid,
        creator.sec_uid_observed_at
    ) is distinct from (
        newest.last_updated_at,
        newest.handle,
        newest.handle_observed_at,
        newest.nickname,
        newest.nickname_observed_at,
        newest.avatar_url,
        newest.avatar_url_observed_at,
        newest.signature,
        newest.signature_observed_at,
        newest.sec_uid,
        newest.sec_uid_observed_at
    );

insert into comet_handles as known (user_id, handle, first_seen_at, last_seen_at)
select
    user_id,
    handle,
    min(observed_at) as first_seen_at,
    max(observed_at) as last_seen_at
from comet_run_sightings
where for_run_id = %(run_id)s and handle is not null
group by user_id, handle
on conflict (user_id, handle) do update set
    first_seen_at = least(known.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at)
where excluded.first_seen_at < known.first_seen_at or excluded.last_seen_at > known.last_seen_at;

delete from creators as legacy
using comet_moves as move
where legacy.user_id = move.legacy_id;

delete from comet_moves
