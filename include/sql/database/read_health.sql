-- Return whether the daily runs have published their dates, and what they cost. Grain: one row.
with days as (
    select
        min(recorded_date) as oldest_date,
        max(recorded_date) as newest_date
    from comet_dates
    where is_run
),

-- All since the newest date, and those of the last week.
wanted as (
    select (days.oldest_date + day.number)::date as recorded_date
    from days
    cross join generate_series(0, %(today)s::date - days.oldest_date - 1) as day (number)
    where days.oldest_date + day.number > least(days.newest_date, %(today)s::date - 8)
),

missed as (
    select wanted.recorded_date
    from wanted
    left join comet_dates on wanted.recorded_date = comet_dates.recorded_date and comet_dates.is_run
    where comet_dates.recorded_date is null
),

last_run as (
    select *
    from comet_runs
    where report is not null
    order by accepted_at desc, run_id desc
    limit 1
),

-- A hashtag whose search has no reason to stop has failed, or the run stopped before it.
unfinished as (
    select requested.hashtag
    from last_run
    cross join lateral unnest(last_run.hashtags) as requested (hashtag)
    left join comet_searches as search
        on
            last_run.recorded_date = search.recorded_date
            and requested.hashtag = search.hashtag
            and last_run.region = search.region
            and last_run.publish_time_days = search.publish_time_days
    where search.stop_reason is null
),

calls as (
    select
        count(*) as billed_count,
        count(distinct started_at::date) as day_count
    from comet_calls
    where is_billed and started_at > clock_timestamp() - interval '7 days'
)

select
    (select count(*) from creators) as creator_count,
    days.newest_date,
    (select array_agg(missed.recorded_date order by missed.recorded_date) from missed) as missed_dates,
    (select last_run.run_id from last_run) as run_id,
    (select array_agg(unfinished.hashtag order by unfinished.hashtag) from unfinished) as unfinished_hashtags,
    (
        select array_agg(result.check_name order by result.check_name)
        from last_run
        inner join comet_quality_checks as result on last_run.run_id = result.run_id
        where result.is_failed
    ) as failed_checks,
    round(calls.billed_count::numeric / nullif(calls.day_count, 0)) as daily_call_count,
    (select max(rate_limit.slot_at) - clock_timestamp() from comet_rate_limits as rate_limit) as longest_wait
from days
cross join calls
