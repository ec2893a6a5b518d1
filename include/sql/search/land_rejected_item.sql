insert into comet_rejected_items (page_id, item_position, reason, raw_json)
values (%(page_id)s, %(item_position)s, %(reason)s, %(raw_json)s)
