-- Purpose: each video of a creator that reached the bound on a date, and the discovery of those who were found before
-- the first date.
insert into comet_discoveries (
    recorded_date, user_id, video_id, hashtag, follower_count, play_count, max_followers, found_at
)
select
    search.recorded_date,
    video.user_id,
    video.video_id,
    search.hashtag,
    min(snapshot.follower_count) as follower_count,
    max(video.play_count) as play_count,
    100000 as max_followers,
    min(page.observed_at) as found_at
from comet_videos as video
inner join comet_pages as page on video.page_id = page.page_id
inner join comet_searches as search on page.search_id = search.search_id
inner join creators as creator
    on video.user_id = creator.user_id and search.recorded_date >= creator.tracked_since
inner join creator_stats as snapshot
    on video.user_id = snapshot.user_id and search.recorded_date = snapshot.recorded_date
where video.play_count >= 50000 and snapshot.follower_count between 10000 and 100000
group by search.recorded_date, video.user_id, video.video_id, search.hashtag
union all
select
    creator.tracked_since as recorded_date,
    creator.user_id,
    (6900000000000000000 + right(creator.user_id, 12)::bigint)::text as video_id,
    'topic' || lpad((1 + mod(right(creator.user_id, 6)::integer, %(hashtag_count)s))::text, 3, '0') as hashtag,
    20000 as follower_count,
    60000 as play_count,
    100000 as max_followers,
    creator.first_found_at as found_at
from creators as creator
where creator.tracked_since < %(first_date)s
order by recorded_date, user_id
