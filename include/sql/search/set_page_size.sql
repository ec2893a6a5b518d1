-- TikHub cut a response short: fetch smaller pages for the rest of this search.
update comet_searches
set page_size = %(page_size)s
where search_id = %(search_id)s and attempt_number = %(attempt_number)s
