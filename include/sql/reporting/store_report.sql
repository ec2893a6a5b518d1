-- Purpose: keep what the report of a run has counted, in all and for each of its hashtags.
-- Inputs: the report's own figures, bound. Output: comet_runs.report. Grain: one row per run.
-- Idempotent: the same figures change nothing; other ones of the same run take their place.
update comet_runs
set report = %(report)s::jsonb
where run_id = %(run_id)s and report is distinct from %(report)s::jsonb
