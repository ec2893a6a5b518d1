-- Purpose: keep the Comets of the day. An author is judged by the last count of a search, else by its profile.
insert into dlt_days.creators (user_id, handle, nickname, avatar_url)
with latest as (
    select distinct on (hashtag, user_id)
        hashtag,
        user_id,
        follower_count
    from dlt_days.videos
    where found_on = %(day)s and follower_count > 0
    order by hashtag asc, user_id asc, found_position desc
)

select distinct on (video.user_id)
    video.user_id,
    video.handle,
    video.nickname,
    video.avatar_url
from dlt_days.videos as video
left join latest on video.hashtag = latest.hashtag and video.user_id = latest.user_id
left join dlt_days.profiles as profile on video.user_id = profile.user_id and profile.recorded_date = %(day)s
where
    video.found_on = %(day)s
    and video.play_count >= %(min_video_views)s
    and coalesce(latest.follower_count, profile.follower_count) between %(min_followers)s and %(max_followers)s
order by video.user_id asc
on conflict (user_id) do update set
    handle = excluded.handle,
    nickname = excluded.nickname,
    avatar_url = excluded.avatar_url
