delete from comet_quality_checks
where run_id = %(run_id)s and starts_with(check_name, %(step)s || '.')
