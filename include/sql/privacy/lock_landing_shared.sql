-- Hold off erasure while this transaction stores data of accounts.
-- It must be the first lock: a transaction that takes it after another one can deadlock with an erasure.
lock table comet_locks in row share mode
