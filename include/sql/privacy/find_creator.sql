-- Find the creators with a handle (current or former), a uid or a sec_uid.
-- Grain: one row per creator; identities are its uid and the sec_uids that no other creator was read with.
with all_rows as (
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

-- An older installation keyed creators by sec_uid.
names as (
    select
        case when not starts_with(user_id, 'MS4wLjAB') then user_id end as uid,
        case when starts_with(user_id, 'MS4wLjAB') then user_id else sec_uid end as sec_uid,
        handle
    from all_rows
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

resolved as (
    select
        coalesce(names.uid, case when owner.uid_count = 1 then owner.uid end, names.sec_uid) as creator_id,
        names.uid,
        names.sec_uid,
        names.handle,
        owner.uid_count <= 1 as is_own_sec_uid
    from names
    left join uids_of_sec_uids as owner on names.sec_uid = owner.sec_uid
),

matches as (
    select
        creator_id,
        bool_or(not %(is_handle)s and %(creator)s in (uid, sec_uid)) as is_found_by_id
    from resolved
    where
        (not %(is_handle)s and %(creator)s in (uid, sec_uid))
        or lower(handle) = lower(%(creator)s)
    group by creator_id
)

select
    matches.is_found_by_id,
    array(
        select resolved.uid
        from resolved
        where resolved.creator_id = matches.creator_id and resolved.uid is not null
        union
        select resolved.sec_uid
        from resolved
        where resolved.creator_id = matches.creator_id and resolved.is_own_sec_uid
    ) as identities,
    array(
        select distinct resolved.handle
        from resolved
        where resolved.creator_id = matches.creator_id and resolved.handle is not null
    ) as handles
from matches
order by matches.creator_id
