select message
from comet_quality_checks
where run_id = %(run_id)s and starts_with(check_name, %(step)s || '.') and is_failed
order by check_name
