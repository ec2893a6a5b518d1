-- Purpose: the videos that the present round of a search has landed already, to notice a page that repeats.
-- Inputs: comet_pages, comet_videos. Grain: one row per video. Idempotent: it only reads.
select distinct video.video_id
from comet_pages as page
inner join comet_videos as video on page.page_id = video.page_id
where page.search_id = %(search_id)s and page.attempt_number = %(attempt_number)s
