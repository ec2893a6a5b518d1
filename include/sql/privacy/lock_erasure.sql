-- Purpose: erase while no step of a run derives rows and no task lands any; both wait.
-- Inputs: none. Grain: one row. Idempotent: it only locks, until the end of the transaction.
select
    pg_advisory_xact_lock(hashtextextended('comet_discovery', 0)) as steps_lock,
    pg_advisory_xact_lock(hashtextextended('comet_discovery landing', 0)) as landing_lock
