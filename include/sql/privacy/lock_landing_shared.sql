-- Purpose: let no creator be erased while this transaction stores what it knows of accounts. It comes first in the
-- transaction: an erasure that waits lets nobody pass, so whoever holds another lock by then would wait in a circle.
-- Inputs: none. Grain: one row. Idempotent: it only locks, until the end of the transaction.
select pg_advisory_xact_lock_shared(hashtextextended('comet_discovery landing', 0))
