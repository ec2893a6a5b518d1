-- A run that is cleared on a later day turns from live into replay.
update comet_runs
set is_live = recorded_date >= %(today)s::date
where run_id = %(run_id)s and is_live <> (recorded_date >= %(today)s::date)
