-- Land a page of a search: its head, its videos and rejected items, and the offset to continue from.
-- Idempotent: a page that another run landed first stays, and nothing else is written.
with page as (
    insert into comet_pages (
        search_id, attempt_number, run_id, page_offset, page_size, next_offset,
        received_count, landed_count, rejected_count, observed_at
    )
    values (
        %(search_id)s, %(attempt_number)s, %(run_id)s, %(page_offset)s, %(page_size)s, %(next_offset)s,
        %(received_count)s, %(landed_count)s, %(rejected_count)s, %(observed_at)s
    )
    on conflict (search_id, attempt_number, page_offset) do nothing
    returning page_id, run_id, observed_at
),

landed_videos as (
    insert into comet_videos (
        page_id, item_position, recorded_date, observed_at, observed_date, video_id, published_at, caption,
        play_count, like_count, comment_count, share_count, save_count, hashtags, is_tagged,
        user_id, sec_uid, handle, nickname, avatar_url, signature, follower_count
    )
    select
        page.page_id,
        video.item_position,
        run.recorded_date,
        page.observed_at,
        (page.observed_at at time zone run.timezone)::date as observed_date,
        video.video_id,
        video.published_at,
        video.caption,
        video.play_count,
        video.like_count,
        video.comment_count,
        video.share_count,
        video.save_count,
        video.hashtags,
        video.is_tagged,
        video.user_id,
        video.sec_uid,
        video.handle,
        video.nickname,
        video.avatar_url,
        video.signature,
        video.follower_count
    from page
    inner join comet_runs as run on page.run_id = run.run_id
    cross join lateral jsonb_populate_recordset(null::comet_videos, %(videos)s::jsonb) as video
    order by video.item_position
),

landed_rejected_items as (
    insert into comet_rejected_items (page_id, item_position, reason, raw_json)
    select
        page.page_id,
        item.item_position,
        item.reason,
        item.raw_json
    from page
    cross join lateral jsonb_populate_recordset(null::comet_rejected_items, %(rejected_items)s::jsonb) as item
)

update comet_searches as search
set
    next_offset = coalesce(%(next_offset)s, %(page_offset)s),
    stop_reason = %(stop_reason)s
from page
where search.search_id = %(search_id)s and search.attempt_number = %(attempt_number)s
