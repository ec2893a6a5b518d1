-- Purpose: delete the videos and rejected items of some pages that were landed before an instant. Their heads and
-- searches stay, so that a run of that date does not pay for them again; is_trimmed says why a head has no rows.
-- Inputs: comet_pages. Grain: one row, how many pages were trimmed and how many rows of which table deleted.
-- Idempotent: it is executed until no page is left.
with portion as (
    select page_id
    from comet_pages
    where observed_at < %(kept_from)s and not is_trimmed
    order by page_id
    limit %(row_limit)s
),

trimmed_videos as (
    delete from comet_videos as video
    using portion
    where video.page_id = portion.page_id
    returning video.item_id
),

trimmed_items as (
    delete from comet_rejected_items as item
    using portion
    where item.page_id = portion.page_id
    returning item.page_id
),

trimmed_pages as (
    update comet_pages as page
    set is_trimmed = true
    from portion
    where page.page_id = portion.page_id
    returning page.page_id
)

select
    (select count(*) from trimmed_pages) as portion_count,
    (select count(*) from trimmed_videos) as comet_videos,
    (select count(*) from trimmed_items) as comet_rejected_items
