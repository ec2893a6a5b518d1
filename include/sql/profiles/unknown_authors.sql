-- Return the authors whose follower count a search left unknown although a video of theirs qualifies, and whose profile
-- this run has still to fetch.
with unknown_authors as (
    select
        user_id,
        (array_agg(sec_uid order by observed_at desc) filter (where sec_uid is not null))[1] as sec_uid,
        (array_agg(handle order by observed_at desc) filter (where handle is not null))[1] as handle
    from comet_run_videos
    where run_id = %(run_id)s and hashtag = %(hashtag)s
    group by user_id
    having count(follower_count) = 0 and bool_or(is_qualifying)
)

select
    author.user_id,
    author.sec_uid,
    author.handle
from unknown_authors as author
where
    not exists (
        select 1
        from comet_run_answers as answer
        where answer.run_id = %(run_id)s and answer.user_id = author.user_id
    )
order by author.user_id
