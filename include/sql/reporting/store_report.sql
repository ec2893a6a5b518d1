update comet_runs
set report = %(report)s::jsonb
where run_id = %(run_id)s and report is distinct from %(report)s::jsonb
