-- Record the ids that discovery rejects from now on, as salted hashes.
insert into comet_erased_ids (identity_hash, erased_at, run_id)
select
    encode(sha256(convert_to(schema.salt || ' ' || wanted.identity, 'UTF8')), 'hex') as identity_hash,
    %(erased_at)s as erased_at,
    %(run_id)s as run_id
from comet_schema as schema
cross join lateral unnest(%(identities)s::text[]) as wanted (identity)
on conflict (identity_hash) do nothing
