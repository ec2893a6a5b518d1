insert into comet_videos (
    page_id, item_position, recorded_date, observed_at, observed_date, video_id, published_at, caption,
    play_count, like_count, comment_count, share_count, save_count, hashtags, is_tagged,
    user_id, sec_uid, handle, nickname, avatar_url, signature, follower_count
)
select
    page.page_id,
    %(item_position)s as item_position,
    run.recorded_date,
    page.observed_at,
    (page.observed_at at time zone run.timezone)::date as observed_date,
    %(video_id)s as video_id,
    %(published_at)s as published_at,
    %(caption)s as caption,
    %(play_count)s as play_count,
    %(like_count)s as like_count,
    %(comment_count)s as comment_count,
    %(share_count)s as share_count,
    %(save_count)s as save_count,
    %(hashtags)s::text[] as hashtags,
    %(is_tagged)s as is_tagged,
    %(user_id)s as user_id,
    %(sec_uid)s as sec_uid,
    %(handle)s as handle,
    %(nickname)s as nickname,
    %(avatar_url)s as avatar_url,
    %(signature)s as signature,
    %(follower_count)s as follower_count
from comet_pages as page
inner join comet_runs as run on page.run_id = run.run_id
where page.page_id = %(page_id)s
