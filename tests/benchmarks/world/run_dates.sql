-- Purpose: all dates were run.
insert into comet_run_dates (recorded_date)
select distinct recorded_date
from comet_runs
