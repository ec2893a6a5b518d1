-- Purpose: the landed videos, 20 a page. Those of a date were published in the week before, so that many are seen on
-- several dates and for several hashtags. A few creators have very many, every fifth video is by nobody who is tracked.
insert into comet_videos (
    page_id, item_position, recorded_date, observed_at, observed_date, video_id, published_at, caption, play_count,
    like_count, comment_count, share_count, save_count, is_tagged, user_id, handle, nickname, follower_count
)
with places as (
    select
        page.page_id,
        item_position,
        page.observed_at,
        search.recorded_date,
        search.hashtag,
        search.recorded_date - %(first_date)s::date as day_number,
        floor(7 * benchmark.fraction(page.page_id * 100 + item_position, 30))::integer as age_days,
        benchmark.fraction(page.page_id * 100 + item_position, 31) as choice
    from comet_pages as page
    inner join comet_searches as search on page.search_id = search.search_id
    cross join generate_series(0, 19) as item_position
),

-- About 1.8 sightings per video.
chosen as (
    select
        *,
        (day_number - age_days + 400) * 1000000::bigint + floor(%(hashtag_count)s * 60 / 1.8 * choice)::bigint
            as video_number
    from places
),

authored as (
    select
        *,
        case
            when benchmark.fraction(video_number, 32) < 0.005
                then 1 + floor(20 * benchmark.fraction(video_number, 33))::bigint
            when benchmark.fraction(video_number, 32) < 0.2
                then 10000000 + floor(%(creator_count)s * 3 * benchmark.fraction(video_number, 33))::bigint
            else 1 + floor(%(creator_count)s * benchmark.fraction(video_number, 33))::bigint
        end as author_number,
        least(50000000, 4000 / (0.00001 + benchmark.fraction(video_number, 34)) * (0.4 + 0.1 * age_days))::bigint
            as play_count
    from chosen
)

select
    video.page_id,
    video.item_position,
    video.recorded_date,
    video.observed_at,
    video.recorded_date as observed_date,
    (7000000000000000000 + video.video_number)::text as video_id,
    %(first_date)s::date + video.day_number - video.age_days - interval '3 hours' as published_at,
    'A day in the life, part ' || video.video_number || ' #' || video.hashtag as caption,
    video.play_count,
    (video.play_count * (0.02 + 0.1 * benchmark.fraction(video.video_number, 35)))::bigint as like_count,
    (video.play_count * 0.004 * benchmark.fraction(video.video_number, 36))::bigint as comment_count,
    (video.play_count * 0.006 * benchmark.fraction(video.video_number, 37))::bigint as share_count,
    (video.play_count * 0.005 * benchmark.fraction(video.video_number, 38))::bigint as save_count,
    benchmark.fraction(video.page_id * 100 + video.item_position, 39) < 0.8 as is_tagged,
    benchmark.user_id(video.author_number) as user_id,
    creator.handle,
    creator.nickname,
    case
        when benchmark.fraction(video.page_id * 100 + video.item_position, 40) < 0.5
            then greatest(1, benchmark.follower_count(video.author_number, video.day_number))
    end as follower_count
from authored as video
left join creators as creator on benchmark.user_id(video.author_number) = creator.user_id
order by video.page_id, video.item_position
