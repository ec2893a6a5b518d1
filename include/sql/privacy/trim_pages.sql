-- Delete the videos and rejected items of some old pages. The pages and searches stay, so that a later run of the date
-- does not pay for them again.
-- Idempotent: run until no page is left.
with batch as (
    select page_id
    from comet_pages
    where observed_at < %(kept_from)s and not is_trimmed
    order by page_id
    limit %(row_limit)s
),

trimmed_videos as (
    delete from comet_videos as video
    using batch
    where video.page_id = batch.page_id
    returning video.item_id
),

trimmed_items as (
    delete from comet_rejected_items as item
    using batch
    where item.page_id = batch.page_id
    returning item.page_id
),

trimmed_pages as (
    update comet_pages as page
    set is_trimmed = true
    from batch
    where page.page_id = batch.page_id
    returning page.page_id
)

select
    (select count(*) from trimmed_pages) as portion_count,
    (select count(*) from trimmed_videos) as comet_videos,
    (select count(*) from trimmed_items) as comet_rejected_items
