-- Purpose: who is meant by a handle (one that the creator has or ever had), a uid or a sec_uid, and by what else the
-- tables know the same creator.
-- Inputs: creators, comet_handles, comet_videos, comet_profiles.
-- Grain: one row per creator; identities are the uid and the sec_uids that nobody else was seen with.
-- Idempotent: it only reads.
with rows_of_creators as (
    select
        user_id,
        sec_uid,
        handle
    from creators
    union
    select
        user_id,
        null as sec_uid,
        handle
    from comet_handles
    union
    select
        user_id,
        sec_uid,
        handle
    from comet_videos
    union
    select
        user_id,
        sec_uid,
        handle
    from comet_profiles
    union
    select
        user_id,
        asked_id as sec_uid,
        null as handle
    from comet_profiles
    where asked_id <> user_id
),

-- An older installation used the sec_uid as the key.
names as (
    select
        case when not starts_with(user_id, 'MS4wLjAB') then user_id end as uid,
        case when starts_with(user_id, 'MS4wLjAB') then user_id else sec_uid end as sec_uid,
        handle
    from rows_of_creators
),

uids_of_sec_uids as (
    select
        sec_uid,
        min(uid) as uid,
        count(distinct uid) as uid_count
    from names
    where sec_uid is not null
    group by sec_uid
),

known as (
    select
        coalesce(names.uid, case when owner.uid_count = 1 then owner.uid end, names.sec_uid) as creator_id,
        names.uid,
        names.sec_uid,
        names.handle,
        owner.uid_count <= 1 as is_own_sec_uid
    from names
    left join uids_of_sec_uids as owner on names.sec_uid = owner.sec_uid
),

meant as (
    select
        creator_id,
        bool_or(not %(is_handle)s and %(creator)s in (uid, sec_uid)) as is_found_by_id
    from known
    where
        (not %(is_handle)s and %(creator)s in (uid, sec_uid))
        or lower(handle) = lower(%(creator)s)
    group by creator_id
)

select
    meant.is_found_by_id,
    array(
        select known.uid
        from known
        where known.creator_id = meant.creator_id and known.uid is not null
        union
        select known.sec_uid
        from known
        where known.creator_id = meant.creator_id and known.is_own_sec_uid
    ) as identities,
    array(
        select distinct known.handle
        from known
        where known.creator_id = meant.creator_id and known.handle is not null
    ) as handles
from meant
order by meant.creator_id
