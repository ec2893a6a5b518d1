-- Purpose: remember that TikHub cut an answer short, so that the rest of this search asks for smaller pages.
-- Inputs: the page size to go on with. Grain: one row of comet_searches.
-- Idempotent: it states the size.
update comet_searches
set page_size = %(page_size)s
where search_id = %(search_id)s and attempt_number = %(attempt_number)s
