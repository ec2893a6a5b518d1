-- Purpose: what the report of each run has counted for each hashtag.
insert into comet_run_hashtags (
    run_id, hashtag, received_count, landed_count, rejected_count, video_count, tagged_count, comet_count,
    new_comet_count, call_count, billed_count
)
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
)

select
    run.run_id,
    seen.hashtag,
    seen.landed_count as received_count,
    seen.landed_count,
    0 as rejected_count,
    seen.video_count,
    seen.tagged_count,
    coalesce(proven.comet_count, 0) as comet_count,
    case when starts_with(run.run_id, 'scheduled__') then coalesce(proven.new_comet_count, 0) else 0 end
        as new_comet_count,
    3 as call_count,
    3 as billed_count
from comet_runs as run
inner join seen on run.recorded_date = seen.recorded_date
left join proven on seen.recorded_date = proven.recorded_date and seen.hashtag = proven.hashtag
order by run.accepted_at, seen.hashtag
