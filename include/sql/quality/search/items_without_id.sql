-- Fail when too many items of a run's searches lack their video id or their author's id.
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

measured as (
    select
        item_count,
        rejected_count,
        rejected_count::numeric / nullif(item_count, 0) as share,
        %(max_missing_field_share)s::numeric as threshold
    from counted
)

select
    measured.share as measured_value,
    measured.threshold,
    coalesce(measured.item_count >= %(min_sample_count)s and measured.share > measured.threshold, false) as is_failed,
    concat(
        measured.rejected_count, ' of ', measured.item_count, ' items (',
        trim_scale(round(100 * coalesce(measured.share, 0), 2)), ' %%) that the searches of ', run.recorded_date,
        ' received have no video id or no author id (maximum ', trim_scale(100 * measured.threshold),
        ' %%, with at least ', %(min_sample_count)s, ' items).'
    ) as message,
    'Check comet_rejected_items: TikHub may have renamed a field. To search again, clear extract_videos with '
    'Downstream ticked, or trigger the date again. If the value is right, raise checks.max_missing_field_share in '
    'include/comets.yaml and clear this task with Downstream ticked.' as remedy
from run
cross join measured
