-- Purpose: note where the search goes on, or why it stopped; in the transaction that lands the page.
-- Inputs: the page just landed. Grain: one row of comet_searches.
-- Idempotent: it states the place, it does not add to it; a search started again in the meantime is left alone.
update comet_searches
set
    next_offset = %(next_offset)s,
    stop_reason = %(stop_reason)s
where search_id = %(search_id)s and attempt_number = %(attempt_number)s
