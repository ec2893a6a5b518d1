-- Purpose: wait until no step of a run changes facts or reads them, until the end of the transaction.
-- Inputs: none. Grain: one row. Idempotent: it only locks.
select pg_advisory_xact_lock(hashtextextended('comet_discovery', 0))
