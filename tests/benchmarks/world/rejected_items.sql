-- Purpose: what the pages say that they rejected.
insert into comet_rejected_items (page_id, item_position, reason, raw_json)
select
    page_id,
    20 as item_position,
    'no_video_id' as reason,
    '{}' as raw_json
from comet_pages
where rejected_count > 0
