-- Return the videos that the current attempt of a search has landed, to detect a page that repeats.
select distinct video.video_id
from comet_pages as page
inner join comet_videos as video on page.page_id = video.page_id
where page.search_id = %(search_id)s and page.attempt_number = %(attempt_number)s
