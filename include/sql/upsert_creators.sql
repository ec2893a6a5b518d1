-- Insert the new Comets of the run's date and update every creator with what was landed for it. It runs before the roll
-- call, which needs the new Comets, and after it.
-- Grain: one row per creator.
-- Idempotent: a column takes its newest known value and first_found_at its earliest, in whatever order runs execute.
select
    set_config('statement_timeout', %(statement_timeout)s, true) as statement_timeout,
    set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout,
    set_config('work_mem', '256MB', true) as work_mem;

-- Runs take turns, so that they do not deadlock.
lock table comet_locks in share update exclusive mode;

-- A creator keyed by sec_uid moves to its numeric id with its whole history. As an imported one it has no first date.
insert into creators as creator (user_id)
select migration.user_id
from comet_key_migrations as migration
where migration.run_id = %(run_id)s
on conflict (user_id) do update set
    first_found_at = null,
    tracked_since = null,
    is_settled = false;

-- Where both keys have a row of a date, the one with an instant stays, else that of the numeric id; record_growth
-- derives the other rows again.
with history_rows as (
    select
        stats.id,
        migration.user_id,
        stats.basis = 'observed' as is_observed,
        row_number() over (
            partition by migration.user_id, stats.recorded_date
            order by
                stats.basis = 'observed' desc,
                stats.counted_at is not null desc,
                stats.user_id = migration.user_id desc
        ) as place
    from comet_key_migrations as migration
    cross join comet_dates as date
    inner join creator_stats as stats
        on date.recorded_date = stats.recorded_date and stats.user_id in (migration.legacy_id, migration.user_id)
    where migration.run_id = %(run_id)s
)

delete from creator_stats as stats
using history_rows
where stats.id = history_rows.id and (history_rows.place > 1 or not history_rows.is_observed);

update creator_stats as stats
set user_id = migration.user_id
from comet_key_migrations as migration
cross join comet_dates as date
where
    migration.run_id = %(run_id)s
    and stats.recorded_date = date.recorded_date
    and stats.user_id = migration.legacy_id;

delete from comet_scores as score
using comet_key_migrations as migration, comet_dates as date
where
    migration.run_id = %(run_id)s
    and score.recorded_date = date.recorded_date
    and score.user_id = migration.legacy_id
    and exists (
        select 1
        from comet_scores as own
        where own.recorded_date = score.recorded_date and own.user_id = migration.user_id
    );

update comet_scores as score
set user_id = migration.user_id
from comet_key_migrations as migration
cross join comet_dates as date
where
    migration.run_id = %(run_id)s
    and score.recorded_date = date.recorded_date
    and score.user_id = migration.legacy_id;

insert into comet_handles as existing (user_id, handle, first_seen_at)
select
    migration.user_id,
    legacy.handle,
    legacy.first_seen_at
from comet_key_migrations as migration
inner join comet_handles as legacy on migration.legacy_id = legacy.user_id
where migration.run_id = %(run_id)s
on conflict (user_id, handle) do update set
    first_seen_at = excluded.first_seen_at
where existing.first_seen_at > excluded.first_seen_at;

-- An earlier discovery moves tracked_since back, so that more readings count; found_by_run_id stays.
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

insert into comet_handles as existing (user_id, handle, first_seen_at)
select
    user_id,
    handle,
    min(observed_at) as first_seen_at
from comet_run_readings as reading
where
    run_id = %(run_id)s
    and handle is not null
    and not exists (
        select 1
        from comet_handles as earlier
        where
            earlier.user_id = reading.user_id
            and earlier.handle = reading.handle
            and earlier.first_seen_at <= reading.observed_at
    )
group by user_id, handle
on conflict (user_id, handle) do update set
    first_seen_at = excluded.first_seen_at
where existing.first_seen_at > excluded.first_seen_at;

-- Per column the newest known value wins, and the greater one of two that are equally new. An imported value without an
-- instant is the oldest.
with readings as (
    select
        user_id,
        observed_at,
        handle,
        nickname,
        avatar_url,
        signature,
        sec_uid
    from comet_run_readings
    where run_id = %(run_id)s
    union all
    select
        migration.user_id,
        attribute.*
    from comet_key_migrations as migration
    inner join creators as legacy on migration.legacy_id = legacy.user_id
    inner join lateral (
        values
        (coalesce(legacy.handle_observed_at, '-infinity'), legacy.handle, null, null, null, null),
        (coalesce(legacy.nickname_observed_at, '-infinity'), null, legacy.nickname, null, null, null),
        (coalesce(legacy.avatar_url_observed_at, '-infinity'), null, null, legacy.avatar_url, null, null),
        (coalesce(legacy.signature_observed_at, '-infinity'), null, null, null, legacy.signature, null),
        (coalesce(legacy.sec_uid_observed_at, '-infinity'), null, null, null, null, legacy.sec_uid),
        (legacy.last_updated_at, null, null, null, null, null)
    ) as attribute (observed_at, handle, nickname, avatar_url, signature, sec_uid) on true
    where migration.run_id = %(run_id)s
),

instants as (
    select
        user_id,
        observed_at,
        max(handle) as handle,
        max(nickname) as nickname,
        max(avatar_url) as avatar_url,
        max(signature) as signature,
        max(sec_uid) as sec_uid
    from readings
    group by user_id, observed_at
),

newest as (
    select
        user_id,
        (array_agg(handle order by observed_at desc) filter (where handle is not null))[1] as handle,
        (array_agg(nickname order by observed_at desc) filter (where nickname is not null))[1] as nickname,
        (array_agg(avatar_url order by observed_at desc) filter (where avatar_url is not null))[1] as avatar_url,
        (array_agg(signature order by observed_at desc) filter (where signature is not null))[1] as signature,
        (array_agg(sec_uid order by observed_at desc) filter (where sec_uid is not null))[1] as sec_uid,
        max(observed_at) filter (where handle is not null) as handle_observed_at,
        max(observed_at) filter (where nickname is not null) as nickname_observed_at,
        max(observed_at) filter (where avatar_url is not null) as avatar_url_observed_at,
        max(observed_at) filter (where signature is not null) as signature_observed_at,
        max(observed_at) filter (where sec_uid is not null) as sec_uid_observed_at,
        max(observed_at) as last_updated_at
    from instants
    group by user_id
)

update creators as creator
set
    handle = case when newer.handle then newest.handle else stored.handle end,
    nickname = case when newer.nickname then newest.nickname else stored.nickname end,
    avatar_url = case when newer.avatar_url then newest.avatar_url else stored.avatar_url end,
    signature = case when newer.signature then newest.signature else stored.signature end,
    sec_uid = case when newer.sec_uid then newest.sec_uid else stored.sec_uid end,
    handle_observed_at = case
        when newer.handle then nullif(newest.handle_observed_at, '-infinity') else stored.handle_observed_at
    end,
    nickname_observed_at = case
        when newer.nickname then nullif(newest.nickname_observed_at, '-infinity') else stored.nickname_observed_at
    end,
    avatar_url_observed_at = case
        when newer.avatar_url then nullif(newest.avatar_url_observed_at, '-infinity') else stored.avatar_url_observed_at
    end,
    signature_observed_at = case
        when newer.signature then nullif(newest.signature_observed_at, '-infinity') else stored.signature_observed_at
    end,
    sec_uid_observed_at = case
        when newer.sec_uid then nullif(newest.sec_uid_observed_at, '-infinity') else stored.sec_uid_observed_at
    end,
    last_updated_at = greatest(stored.last_updated_at, nullif(newest.last_updated_at, '-infinity'))
from newest
inner join creators as stored on newest.user_id = stored.user_id
inner join lateral (
    values
    (
        (newest.handle_observed_at, newest.handle)
        > (coalesce(stored.handle_observed_at, '-infinity'), coalesce(stored.handle, '')),
        (newest.nickname_observed_at, newest.nickname)
        > (coalesce(stored.nickname_observed_at, '-infinity'), coalesce(stored.nickname, '')),
        (newest.avatar_url_observed_at, newest.avatar_url)
        > (coalesce(stored.avatar_url_observed_at, '-infinity'), coalesce(stored.avatar_url, '')),
        (newest.signature_observed_at, newest.signature)
        > (coalesce(stored.signature_observed_at, '-infinity'), coalesce(stored.signature, '')),
        (newest.sec_uid_observed_at, newest.sec_uid)
        > (coalesce(stored.sec_uid_observed_at, '-infinity'), coalesce(stored.sec_uid, ''))
    )
) as newer (handle, nickname, avatar_url, signature, sec_uid) on true
where
    creator.user_id = stored.user_id
    and (
        newer.handle or newer.nickname or newer.avatar_url or newer.signature or newer.sec_uid
        or newest.last_updated_at > coalesce(stored.last_updated_at, '-infinity')
    );

delete from comet_handles as existing
using comet_key_migrations as migration
where migration.run_id = %(run_id)s and existing.user_id = migration.legacy_id;

delete from creators as legacy
using comet_key_migrations as migration
where migration.run_id = %(run_id)s and legacy.user_id = migration.legacy_id
