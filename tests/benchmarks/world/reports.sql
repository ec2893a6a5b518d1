-- Purpose: what the report of each run has counted; the newest run is still at work and has none.
with seen as (
    select
        search.recorded_date,
        search.hashtag,
        count(*) as landed_count,
        count(distinct video.video_id) as video_count,
        count(distinct video.video_id) filter (where video.is_tagged) as tagged_count
    from comet_searches as search
    inner join comet_pages as page on search.search_id = page.search_id
    inner join comet_videos as video on page.page_id = video.page_id
    group by search.recorded_date, search.hashtag
),

proven as (
    select
        discovery.recorded_date,
        discovery.hashtag,
        count(distinct discovery.user_id) as comet_count,
        count(distinct discovery.user_id) filter (where creator.tracked_since = discovery.recorded_date)
            as new_comet_count
    from comet_discoveries as discovery
    inner join creators as creator on discovery.user_id = creator.user_id
    group by discovery.recorded_date, discovery.hashtag
),

counted as (
    select
        run.run_id,
        seen.*,
        coalesce(proven.comet_count, 0) as comet_count,
        case when starts_with(run.run_id, 'scheduled__') then coalesce(proven.new_comet_count, 0) else 0 end
            as new_comet_count
    from comet_runs as run
    inner join seen on run.recorded_date = seen.recorded_date
    left join proven on seen.recorded_date = proven.recorded_date and seen.hashtag = proven.hashtag
),

reports as (
    select
        run_id,
        jsonb_build_object(
            'received_count', sum(landed_count),
            'landed_count', sum(landed_count),
            'rejected_count', 0,
            'comet_count', sum(comet_count),
            'new_comet_count', sum(new_comet_count),
            'call_count', 3 * count(*) + %(creator_count)s,
            'billed_count', 3 * count(*) + %(creator_count)s,
            'stop_reasons', '[]'::jsonb,
            'hashtags', jsonb_agg(
                jsonb_build_object(
                    'hashtag', hashtag,
                    'received_count', landed_count,
                    'landed_count', landed_count,
                    'rejected_count', 0,
                    'video_count', video_count,
                    'tagged_count', tagged_count,
                    'comet_count', comet_count,
                    'new_comet_count', new_comet_count,
                    'new_tagged_comet_count', new_comet_count,
                    'call_count', 3,
                    'billed_count', 3
                )
                order by hashtag
            )
        ) as report
    from counted
    where recorded_date < %(last_date)s or not starts_with(run_id, 'scheduled__')
    group by run_id
)

update comet_runs as run
set report = reports.report
from reports
where run.run_id = reports.run_id
