-- Purpose: which version of setup_database.sql was run on this database, and how the page's query is executed.
-- Inputs: comet_schema. Grain: one row. Idempotent: the settings are gone with the transaction.
-- Compiling takes longer than the query does, and PostgreSQL compiles what it thinks expensive. A date of 100,000
-- creators is sorted in 16 MB, and on disk in less.
select
    version,
    set_config('jit', 'off', true) as jit,
    set_config('work_mem', '16MB', true) as work_mem
from comet_schema
