-- Record a call before it is made, and close the same call if a dead process left it open: whether TikHub bills that
-- one stays unknown.
with abandoned as (
    update comet_calls
    set finished_at = %(reserved_at)s
    where
        run_id = %(run_id)s
        and route = %(route)s
        and hashtag is not distinct from %(hashtag)s::text
        and page_offset is not distinct from %(page_offset)s::integer
        and user_id is not distinct from %(user_id)s::text
        and finished_at is null
)

insert into comet_calls (run_id, run_attempt, route, hashtag, page_offset, user_id, reserved_at, started_at)
values (
    %(run_id)s, %(run_attempt)s, %(route)s, %(hashtag)s, %(page_offset)s, %(user_id)s, %(reserved_at)s,
    %(started_at)s
)
returning call_id
