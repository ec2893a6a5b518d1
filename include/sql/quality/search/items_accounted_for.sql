-- Fail when the landed and rejected rows of a run's pages differ from the counts of the pages. Trimmed pages do not
-- count: retention has deleted their rows.
with run as (
    select *
    from comet_runs
    where run_id = %(run_id)s
),

pages as (
    select
        page.received_count,
        (
            select count(*)
            from comet_videos as video
            where video.page_id = page.page_id
        ) + (
            select count(*)
            from comet_rejected_items as item
            where item.page_id = page.page_id
        ) as present_count
    from run
    inner join comet_searches as search
        on
            run.recorded_date = search.recorded_date
            and run.region = search.region
            and run.publish_time_days = search.publish_time_days
            and search.hashtag = any(run.hashtags)
    inner join comet_pages as page on search.search_id = page.search_id
    where not page.is_trimmed
),

counted as (
    select
        coalesce(sum(received_count), 0) as received_count,
        coalesce(sum(abs(received_count - present_count)), 0) as unaccounted_count
    from pages
)

select
    counted.unaccounted_count as measured_value,
    0 as threshold,
    counted.unaccounted_count > 0 as is_failed,
    concat(
        counted.unaccounted_count, ' of ', counted.received_count, ' items that the searches of ', run.recorded_date,
        ' received are neither landed nor rejected (maximum 0).'
    ) as message,
    'Rows of comet_videos or comet_rejected_items were deleted or not written: compare them with the counts of '
    'comet_pages, restore them or delete those pages, then clear this task with Downstream ticked.' as remedy
from run
cross join counted
