-- Purpose: land one video of a page with its author, as search gave them.
-- Inputs: one parsed item. Grain: one row per (page_id, item_position).
-- Idempotent: it runs in the transaction that lands the page's head, once.
insert into comet_videos (
    page_id, item_position, video_id, published_at, caption,
    play_count, like_count, comment_count, share_count, save_count, hashtags, is_tagged,
    user_id, sec_uid, handle, nickname, avatar_url, signature, follower_count
)
values (
    %(page_id)s, %(item_position)s, %(video_id)s, %(published_at)s, %(caption)s,
    %(play_count)s, %(like_count)s, %(comment_count)s, %(share_count)s, %(save_count)s,
    %(hashtags)s::text[], %(is_tagged)s,
    %(user_id)s, %(sec_uid)s, %(handle)s, %(nickname)s, %(avatar_url)s, %(signature)s, %(follower_count)s
)
