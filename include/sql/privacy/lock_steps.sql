-- Wait until no step of a run reads or changes facts, and hold them off until the end of the transaction.
lock table comet_locks in share update exclusive mode
