-- Purpose: how many creators a run asks for by their profile, beside the missing ones that are due.
-- Inputs: creators. Grain: one row. Idempotent: it only reads.
select count(*) as creator_count
from creators
where is_identified and status <> 'missing'
