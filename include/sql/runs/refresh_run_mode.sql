-- Purpose: state whether a run is one of today, which asks TikHub, or of a past date, which re-uses what was landed; a
-- run that is cleared on a later day has changed from one to the other.
-- Inputs: today's date in the run's timezone. Grain: at most one row. Idempotent: it states the mode.
update comet_runs
set is_live = recorded_date >= %(today)s::date
where run_id = %(run_id)s and is_live <> (recorded_date >= %(today)s::date)
