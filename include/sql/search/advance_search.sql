-- Idempotent: it sets the offset and does not add to it; a search that was restarted meanwhile keeps its own.
update comet_searches
set
    next_offset = %(next_offset)s,
    stop_reason = %(stop_reason)s
where search_id = %(search_id)s and attempt_number = %(attempt_number)s
