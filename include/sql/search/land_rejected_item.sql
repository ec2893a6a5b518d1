-- Purpose: keep an item that can't be a video, with the reason and its raw JSON.
-- Inputs: one item of a page. Grain: one row per (page_id, item_position).
-- Idempotent: it runs in the transaction that lands the page's head, once.
insert into comet_rejected_items (page_id, item_position, reason, raw_json)
values (%(page_id)s, %(item_position)s, %(reason)s, %(raw_json)s)
