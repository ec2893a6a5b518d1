-- Wait until no step of a run reads or changes facts, and hold them off until the end of the transaction.
select pg_advisory_xact_lock(hashtextextended('comet_discovery', 0))
