-- Purpose: account for a TikHub call before it is made.
-- Inputs: what the call asks for. Grain: one row per call, billed or not.
-- Idempotent: no; each call is a fact of its own.
insert into comet_calls (run_id, clear_number, route, hashtag, page_offset, user_id, reserved_at)
values (
    %(run_id)s, %(clear_number)s, %(route)s, %(hashtag)s, %(page_offset)s, %(user_id)s, %(reserved_at)s
)
returning call_id
