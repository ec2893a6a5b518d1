insert into comet_quality_checks (run_id, check_name, measured_value, threshold, is_failed, message)
values (%(run_id)s, %(check_name)s, %(measured_value)s, %(threshold)s, %(is_failed)s, %(message)s)
