-- Fail when too many videos of a run's searches lack their views: such a video can't qualify. Trimmed pages do not
-- count: retention has deleted their rows.
with run as (
    select *
    from comet_runs
    where run_id = %(run_id)s
),

counted as (
    select
        count(*) as video_count,
        count(*) filter (where video.play_count is null) as unknown_count
    from run
    inner join comet_searches as search
        on
            run.recorded_date = search.recorded_date
            and run.region = search.region
            and run.publish_time_days = search.publish_time_days
            and search.hashtag = any(run.hashtags)
    inner join comet_pages as page
        on search.search_id = page.search_id and search.attempt_number = page.attempt_number
    inner join comet_videos as video on page.page_id = video.page_id
    where not page.is_trimmed
),

measured as (
    select
        video_count,
        unknown_count,
        unknown_count::numeric / nullif(video_count, 0) as share,
        %(max_missing_field_share)s::numeric as threshold
    from counted
)

select
    measured.share as measured_value,
    measured.threshold,
    coalesce(measured.video_count >= %(min_sample_count)s and measured.share > measured.threshold, false) as is_failed,
    concat(
        measured.unknown_count, ' of ', measured.video_count, ' videos (',
        trim_scale(round(100 * coalesce(measured.share, 0), 2)), ' %%) in the searches of ', run.recorded_date,
        ' have no play_count (maximum ', trim_scale(100 * measured.threshold), ' %%, with at least ',
        %(min_sample_count)s, ' videos).'
    ) as message,
    'Check comet_videos: TikHub may have renamed a field. To search again, clear extract_videos with Downstream '
    'ticked, or trigger the date again. If the value is right, raise checks.max_missing_field_share in '
    'include/comets.yaml and clear this task with Downstream ticked.' as remedy
from run
cross join measured
