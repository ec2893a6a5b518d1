-- Purpose: three pages of 20 items for each search; one in 50 items of a hundredth of the pages was rejected.
insert into comet_pages (
    search_id, round_number, run_id, page_offset, page_size, next_offset, received_count, landed_count, rejected_count,
    observed_at
)
select
    search.search_id,
    1 as round_number,
    search.run_id,
    page_number * 20 as page_offset,
    20 as page_size,
    page_number * 20 + 20 as next_offset,
    20 + (mod(search.search_id, 100) = 0)::integer as received_count,
    20 as landed_count,
    (mod(search.search_id, 100) = 0)::integer as rejected_count,
    search.recorded_date + interval '2 hours' + mod(search.search_id, 600) * interval '1 second' as observed_at
from comet_searches as search
cross join generate_series(0, 2) as page_number
order by search.search_id, page_number
