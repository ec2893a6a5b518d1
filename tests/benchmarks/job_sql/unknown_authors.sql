-- Purpose: authors of the day whose follower count a search left unknown though a video of theirs has enough views.
select distinct user_id
from dlt_days.videos
where found_on = %(day)s
group by hashtag, user_id
having count(nullif(follower_count, 0)) = 0 and max(play_count) >= %(min_video_views)s
