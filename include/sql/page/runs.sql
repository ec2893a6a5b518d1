-- Return one page of the runs, newest first: request, results, cost and quality checks.
-- Grain: one row; entries has one per run. A page after the last one is the last one.
with counted as (
    select
        count(*) as total_count,
        least(%(page)s::bigint, greatest(ceil(count(*) / %(page_size)s::numeric), 1)::bigint) as page
    from comet_runs
),

paging as (
    select
        total_count,
        page,
        (page - 1) * %(page_size)s::bigint as skipped_count
    from counted
),

listed as (
    select
        run.run_id,
        run.recorded_date,
        trim_array(run.hashtags, greatest(cardinality(run.hashtags) - %(hashtag_limit)s, 0)) as hashtags,
        run.hashtags as searched_hashtags,
        cardinality(run.hashtags) as hashtag_count,
        run.region,
        run.publish_time_days,
        run.max_api_calls,
        run.is_refresh,
        run.is_live,
        run.accepted_at,
        run.report
    from comet_runs as run
    order by run.accepted_at desc, run.run_id asc
    offset (select paging.skipped_count from paging)
    fetch first %(page_size)s rows only
),

entries as (
    select
        listed.*,
        run_date.recorded_date is not null as is_date_recorded,
        listed.report is not null as is_reported,
        coalesce(report.received_count, landed.received_count) as received_count,
        coalesce(report.landed_count, landed.landed_count) as landed_count,
        coalesce(report.rejected_count, landed.rejected_count) as rejected_count,
        coalesce(report.comet_count, discoveries.comet_count) as comet_count,
        coalesce(report.new_comet_count, discoveries.new_comet_count) as new_comet_count,
        coalesce(report.call_count, calls.call_count) as call_count,
        coalesce(report.billed_count, calls.billed_count) as billed_count,
        coalesce(report.billed_count, calls.billed_count) * %(price_usd)s::double precision as cost_usd,
        report.stop_reasons,
        coalesce(skipped.reasons, '[]') as refusals,
        coalesce(quality.results, '[]') as checks
    from listed
    left join comet_dates as run_date on listed.recorded_date = run_date.recorded_date and run_date.is_run
    left join lateral jsonb_to_record(listed.report) as report (
        received_count bigint, landed_count bigint, rejected_count bigint, comet_count bigint, new_comet_count bigint,
        call_count bigint, billed_count bigint, stop_reasons jsonb
    ) on true
    left join lateral (
        select
            coalesce(sum(page.received_count), 0)::bigint as received_count,
            coalesce(sum(page.landed_count), 0)::bigint as landed_count,
            coalesce(sum(page.rejected_count), 0)::bigint as rejected_count
        from comet_searches as search
        inner join comet_pages as page
            on search.search_id = page.search_id and search.attempt_number = page.attempt_number
        where
            listed.report is null
            and search.recorded_date = listed.recorded_date
            and search.region = listed.region
            and search.publish_time_days = listed.publish_time_days
            and search.hashtag = any(listed.searched_hashtags)
    ) as landed on true
    left join lateral (
        select
            count(distinct discovery.user_id) as comet_count,
            count(distinct discovery.user_id) filter (where creator.found_by_run_id = listed.run_id)
                as new_comet_count
        from comet_run_discoveries as discovery
        left join creators as creator on discovery.user_id = creator.user_id
        where listed.report is null and discovery.run_id = listed.run_id
    ) as discoveries on true
    left join lateral (
        select
            count(*) as call_count,
            count(*) filter (where call.is_billed) as billed_count
        from comet_calls as call
        where listed.report is null and call.run_id = listed.run_id
    ) as calls on true
    left join lateral (
        select jsonb_agg(distinct skipped_call.reason) as reasons
        from comet_skipped_calls as skipped_call
        where listed.report is null and skipped_call.run_id = listed.run_id
    ) as skipped on true
    left join lateral (
        select jsonb_agg(to_jsonb(result) order by result.is_failed desc, result.check_name asc) as results
        from comet_quality_checks as result
        where result.run_id = listed.run_id
    ) as quality on true
)

select
    paging.total_count,
    paging.page,
    (
        select
            coalesce(
                jsonb_agg(
                    to_jsonb(entries) - '{searched_hashtags, report}'::text[]
                    order by entries.accepted_at desc, entries.run_id asc
                ),
                '[]'
            )
        from entries
    ) as entries
from paging
