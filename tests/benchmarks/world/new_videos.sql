-- Purpose: the videos on the new run's pages: those of the day before with a tenth more views. Every tenth is another
-- one, by somebody who is not tracked yet; half of the authors come without their followers.
insert into comet_videos (
    page_id, item_position, recorded_date, observed_at, observed_date, video_id, published_at, caption, play_count,
    like_count, comment_count, share_count, save_count, is_tagged, user_id, handle, nickname, follower_count
)
select
    page.page_id,
    video.item_position,
    search.recorded_date,
    page.observed_at,
    search.recorded_date as observed_date,
    case when mod(video.item_id, 10) = 0 then (7300000000000000000 + video.item_id)::text else video.video_id end
        as video_id,
    video.published_at,
    video.caption,
    video.play_count * 11 / 10 as play_count,
    video.like_count,
    video.comment_count,
    video.share_count,
    video.save_count,
    video.is_tagged,
    case when mod(video.item_id, 10) = 0 then (6700000000000000000 + video.item_id)::text else video.user_id end
        as user_id,
    case when mod(video.item_id, 10) = 0 then 'newcomer.' || video.item_id else video.handle end as handle,
    video.nickname,
    case when mod(video.item_id, 10) = 0 then 10000 + mod(video.item_id, 90000) else video.follower_count end
        as follower_count
from comet_searches as search
inner join comet_pages as page on search.search_id = page.search_id
inner join comet_searches as known
    on search.recorded_date - 1 = known.recorded_date and search.hashtag = known.hashtag
inner join comet_pages as known_page
    on known.search_id = known_page.search_id and page.page_offset = known_page.page_offset
inner join comet_videos as video on known_page.page_id = video.page_id
where search.run_id = %(new_run_id)s
order by page.page_id, video.item_position
