-- Purpose: which of some uids and sec_uids belong to creators who were erased.
-- Inputs: comet_schema, comet_erased_ids. Grain: one row per identity that is refused. Idempotent: it only reads.
with hashed as (
    select
        wanted.identity,
        encode(sha256(convert_to(schema.salt || ' ' || wanted.identity, 'UTF8')), 'hex') as identity_hash
    from comet_schema as schema
    cross join lateral unnest(%(identities)s::text[]) as wanted (identity)
)

select hashed.identity
from hashed
inner join comet_erased_ids as forgotten on hashed.identity_hash = forgotten.identity_hash
