-- Purpose: the video by which each newcomer was found, at the end of the last page of a search of that date.
insert into comet_videos (
    page_id, item_position, recorded_date, observed_at, observed_date, video_id, published_at, caption, play_count,
    like_count, comment_count, share_count, save_count, is_tagged, user_id, handle, nickname, follower_count
)
with found as (
    select
        creator.user_id,
        creator.handle,
        creator.nickname,
        creator.tracked_since,
        snapshot.follower_count,
        row_number() over (partition by creator.tracked_since order by creator.user_id) as newcomer_number
    from creators as creator
    inner join creator_stats as snapshot
        on creator.user_id = snapshot.user_id and creator.tracked_since = snapshot.recorded_date
)

select
    page.page_id,
    30 + found.newcomer_number as item_position,
    found.tracked_since as recorded_date,
    page.observed_at,
    found.tracked_since as observed_date,
    (7200000000000000000 + right(found.user_id, 12)::bigint)::text as video_id,
    found.tracked_since - interval '20 hours' as published_at,
    'How it began #' || search.hashtag as caption,
    60000 + found.follower_count as play_count,
    6000 as like_count,
    120 as comment_count,
    240 as share_count,
    300 as save_count,
    true as is_tagged,
    found.user_id,
    found.handle,
    found.nickname,
    found.follower_count
from found
inner join comet_searches as search
    on
        found.tracked_since = search.recorded_date
        and search.hashtag = 'topic' || lpad((1 + mod(found.newcomer_number, %(hashtag_count)s))::text, 3, '0')
inner join comet_pages as page on search.search_id = page.search_id and page.page_offset = 40
order by page.page_id, found.newcomer_number
