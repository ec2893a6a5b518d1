-- A retry of the run that erased a creator finds no creator left.
select count(*) > 0 as is_done
from comet_erased_ids
where run_id = %(run_id)s
