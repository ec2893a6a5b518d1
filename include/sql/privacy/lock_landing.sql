-- Wait until no step of a run derives rows and no task lands any, and hold both off until the end of the transaction.
select
    pg_advisory_xact_lock(hashtextextended('comet_discovery', 0)) as steps_lock,
    pg_advisory_xact_lock(hashtextextended('comet_discovery landing', 0)) as landing_lock
