-- Purpose: the pages of the new run's searches: those of the day before, a day later.
insert into comet_pages (
    search_id, round_number, run_id, page_offset, page_size, next_offset, received_count, landed_count, rejected_count,
    observed_at
)
select
    search.search_id,
    page.round_number,
    search.run_id,
    page.page_offset,
    page.page_size,
    page.next_offset,
    page.landed_count as received_count,
    page.landed_count,
    0 as rejected_count,
    page.observed_at + interval '1 day' as observed_at
from comet_searches as search
inner join comet_searches as known
    on search.recorded_date - 1 = known.recorded_date and search.hashtag = known.hashtag
inner join comet_pages as page on known.search_id = page.search_id
where search.run_id = %(new_run_id)s
order by search.search_id, page.page_offset
