-- Mark the dates whose answers are about to be deleted, so that no step reads the rest of them.
update comet_dates
set is_trimmed = true
where recorded_date < %(kept_date)s::date and not is_trimmed
