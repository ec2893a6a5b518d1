-- Return the uids and sec_uids that belong to erased creators.
with hashed as (
    select
        wanted.identity,
        encode(sha256(convert_to(schema.salt || ' ' || wanted.identity, 'UTF8')), 'hex') as identity_hash
    from comet_schema as schema
    cross join lateral unnest(%(identities)s::text[]) as wanted (identity)
)

select hashed.identity
from hashed
inner join comet_erased_ids as erased on hashed.identity_hash = erased.identity_hash
