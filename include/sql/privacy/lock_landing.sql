-- Wait until no task lands rows, and hold them off until the end of the transaction.
-- Run lock_steps.sql before, so that tasks go on landing while this transaction waits for a step.
lock table comet_locks in exclusive mode
