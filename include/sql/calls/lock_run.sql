-- Let the parallel tasks of a run reserve calls one at a time, until the end of the transaction.
select max_api_calls
from comet_runs
where run_id = %(run_id)s
for update
