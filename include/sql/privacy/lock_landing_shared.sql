-- Hold off erasure while this transaction stores data of accounts.
-- It must be the first lock: a transaction that takes it after another one can deadlock with an erasure.
select pg_advisory_xact_lock_shared(hashtextextended('comet_discovery landing', 0))
