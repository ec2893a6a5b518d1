-- Count the creators whose profile a run fetches, apart from missing ones that are due.
select count(*) as creator_count
from creators
where is_identified and status <> 'missing'
