-- Return what each of some runs discoveries and cost: searches, Comets, snapshots, calls. Grain: one row per run.
with runs as (
    select *
    from comet_runs
    where run_id = any(%(run_ids)s::text[])
),

called_searches as (
    select distinct
        run_id,
        hashtag
    from comet_calls
    where run_id = any(%(run_ids)s::text[]) and hashtag is not null and user_id is null
),

-- A re-used search is finished: a failed run may have made none at all.
searches as (
    select
        runs.run_id,
        count(*) filter (where called_searches.run_id is not null) as made_search_count,
        count(*) filter (where called_searches.run_id is null and search.stop_reason is not null)
            as reused_search_count
    from runs
    cross join lateral unnest(runs.hashtags) as requested (hashtag)
    left join called_searches on runs.run_id = called_searches.run_id and requested.hashtag = called_searches.hashtag
    left join comet_searches as search
        on
            runs.recorded_date = search.recorded_date
            and requested.hashtag = search.hashtag
            and runs.region = search.region
            and runs.publish_time_days = search.publish_time_days
    group by runs.run_id
),

discoveries as (
    select
        runs.run_id,
        count(distinct discovery.user_id) as comet_count,
        count(distinct discovery.user_id) filter (where creator.found_by_run_id = runs.run_id) as new_comet_count
    from runs
    inner join comet_run_discoveries as discovery on runs.run_id = discovery.run_id
    left join creators as creator on discovery.user_id = creator.user_id
    group by runs.run_id
),

snapshots as (
    select
        recorded_date,
        count(*) filter (where basis = 'observed') as observed_count,
        count(*) filter (where basis = 'estimated') as estimated_count,
        count(*) filter (where basis = 'late') as late_count
    from creator_stats
    where recorded_date in (select runs.recorded_date from runs)
    group by recorded_date
),

calls as (
    select
        run_id,
        count(*) as call_count,
        count(*) filter (where is_billed) as billed_count
    from comet_calls
    where run_id = any(%(run_ids)s::text[])
    group by run_id
)

select
    runs.run_id,
    runs.recorded_date,
    searches.made_search_count,
    searches.reused_search_count,
    coalesce(discoveries.comet_count, 0) as comet_count,
    coalesce(discoveries.new_comet_count, 0) as new_comet_count,
    coalesce(snapshots.observed_count, 0) as observed_count,
    coalesce(snapshots.estimated_count, 0) as estimated_count,
    coalesce(snapshots.late_count, 0) as late_count,
    coalesce(calls.call_count, 0) as call_count,
    coalesce(calls.billed_count, 0) as billed_count
from runs
inner join searches on runs.run_id = searches.run_id
left join discoveries on runs.run_id = discoveries.run_id
left join snapshots on runs.recorded_date = snapshots.recorded_date
left join calls on runs.run_id = calls.run_id
order by runs.recorded_date, runs.run_id
