-- Purpose: remember whom discovery has to refuse, by salted hashes only.
-- Inputs: the uid and the sec_uids of a creator, comet_schema. Grain: one row per identity.
-- Idempotent: an identity that is refused already stays as it is.
insert into comet_erased_ids (identity_hash, erased_at, run_id)
select
    encode(sha256(convert_to(schema.salt || ' ' || wanted.identity, 'UTF8')), 'hex') as identity_hash,
    %(erased_at)s as erased_at,
    %(run_id)s as run_id
from comet_schema as schema
cross join lateral unnest(%(identities)s::text[]) as wanted (identity)
on conflict (identity_hash) do nothing
