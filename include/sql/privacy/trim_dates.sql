-- Purpose: mark the dates of which the answers are going to be deleted, so that no step reads what is left of them.
-- Inputs: comet_dates. Grain: one row per date before the first one that is kept. Idempotent: a second run marks none.
update comet_dates
set is_trimmed = true
where recorded_date < %(kept_date)s::date and not is_trimmed
