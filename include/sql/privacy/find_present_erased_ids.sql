-- Return the uids and sec_uids in the tables that belong to erased creators: a restored backup has them again.
with identities as (
    select user_id as identity
    from creators
    union
    select user_id as identity
    from creator_stats
    union
    select user_id as identity
    from comet_videos
    union
    select sec_uid as identity
    from comet_videos
    union
    select user_id as identity
    from comet_profiles
    union
    select asked_id as identity
    from comet_profiles
    union
    select sec_uid as identity
    from comet_profiles
)

select identities.identity
from comet_schema as schema
cross join identities
inner join comet_erased_ids as erased
    on encode(sha256(convert_to(schema.salt || ' ' || identities.identity, 'UTF8')), 'hex') = erased.identity_hash
order by identities.identity
