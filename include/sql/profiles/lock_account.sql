-- Purpose: let all tasks, also of other runs, decide one after the other whether to ask for the same account.
-- Inputs: the id it is asked for. Grain: one row. Idempotent: it only locks, until the end of the transaction.
select pg_advisory_xact_lock(hashtextextended('comet_discovery profile ' || %(asked_id)s, 0))
