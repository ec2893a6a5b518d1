-- Return the schema version, and set how the page's query runs: compiling takes longer than the query does, and 16 MB
-- are enough to sort a date of 100,000 creators.
select
    version,
    set_config('jit', 'off', true) as jit,
    set_config('work_mem', '16MB', true) as work_mem
from comet_schema
