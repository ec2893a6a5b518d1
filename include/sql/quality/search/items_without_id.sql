-- Purpose: do most items of the run's searches lack what makes them a video: its id or its author's?
-- Inputs: comet_runs, comet_searches, comet_pages; the largest share and the smallest sample. Grain: one row.
-- Idempotent: it only reads.
with run as (
    select *
    from comet_runs
    where run_id = %(run_id)s
),

counted as (
    select
        coalesce(sum(page.received_count), 0) as item_count,
        coalesce(sum(page.rejected_count), 0) as rejected_count
    from run
    inner join comet_searches as search
        on
            run.recorded_date = search.recorded_date
            and run.region = search.region
            and run.publish_time_days = search.publish_time_days
            and search.hashtag = any(run.hashtags)
    inner join comet_pages as page
        on search.search_id = page.search_id and search.attempt_number = page.attempt_number
),

judged as (
    select
        item_count,
        rejected_count,
        rejected_count::numeric / nullif(item_count, 0) as share,
        %(max_missing_field_share)s::numeric as threshold
    from counted
)

select
    judged.share as measured_value,
    judged.threshold,
    coalesce(judged.item_count >= %(min_sample_count)s and judged.share > judged.threshold, false) as is_failed,
    concat(
        judged.rejected_count, ' of ', judged.item_count, ' items (',
        trim_scale(round(100 * coalesce(judged.share, 0), 2)), ' percent) that the searches of ', run.recorded_date,
        ' received have no video id or no author id (threshold: at most ', trim_scale(100 * judged.threshold),
        ' percent, judged from ', %(min_sample_count)s, ' items on).'
    ) as message,
    'Look at comet_rejected_items: TikHub may have renamed a field. To search again, clear extract_videos with '
    'Downstream ticked, or trigger the date again. If the value is right, raise checks.max_missing_field_share in '
    'include/comets.yaml and clear this task with Downstream ticked.' as remedy
from run
cross join judged
