-- Purpose: let the database itself end a statement of this transaction, or its waiting for a lock, in time.
-- Inputs: milliseconds. Grain: one row. Idempotent: the settings are gone with the transaction.
select
    set_config('statement_timeout', %(statement_timeout)s, true) as statement_timeout,
    set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout
