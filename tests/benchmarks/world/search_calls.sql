-- Purpose: the call of each page in the ledger.
insert into comet_calls (
    run_id, clear_number, route, hashtag, page_offset, reserved_at, started_at, finished_at, duration_ms, status_code,
    is_billed
)
select
    page.run_id,
    0 as clear_number,
    '/api/v1/tiktok/app/v3/fetch_video_search_result' as route,
    search.hashtag,
    page.page_offset,
    page.observed_at as reserved_at,
    page.observed_at as started_at,
    page.observed_at + interval '1 second' as finished_at,
    1000 as duration_ms,
    200 as status_code,
    true as is_billed
from comet_pages as page
inner join comet_searches as search on page.search_id = search.search_id
order by page.page_id
