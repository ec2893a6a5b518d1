-- Fail when a stored page or video was read more than a day in the future: until then no later reading is newer. Other
-- dates count too, because steps read across dates. The condition on observed_date is for the index.
with run as (
    select recorded_date
    from comet_runs
    where run_id = %(run_id)s
),

future as (
    select page.observed_at
    from comet_pages as page
    where page.observed_at > clock_timestamp() + interval '1 day'
    union all
    select video.observed_at
    from comet_videos as video
    where
        video.observed_at > clock_timestamp() + interval '1 day'
        and (
            video.recorded_date = (select run.recorded_date from run)
            or video.observed_date >= current_date - 1
        )
),

counted as (
    select
        count(*) as reading_count,
        max(observed_at) as newest
    from future
)

select
    counted.reading_count as measured_value,
    0 as threshold,
    counted.reading_count > 0 as is_failed,
    concat(
        counted.reading_count, ' pages and videos were read more than a day in the future',
        ', the last on ' || counted.newest::date, ' (maximum 0).'
    ) as message,
    'A clock was wrong: that of TikHub, of a machine of Airflow, or of the database. Check the last two, run '
    'include/sql/repair_readings.sql (`make repair-readings`), then clear this task with Downstream ticked.' as remedy
from counted
