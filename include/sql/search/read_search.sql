-- Return the state of the search of a hashtag, and the offset at which this run ends it.
select
    search.search_id,
    search.attempt_number,
    search.next_offset,
    coalesce(search.page_size, run.page_size) as page_size,
    search.stop_reason,
    run.pages_per_hashtag * run.page_size as offset_limit,
    run.region,
    run.publish_time_days,
    (
        select count(*)
        from comet_pages as page
        where page.search_id = search.search_id
    ) as page_count
from comet_runs as run
inner join comet_searches as search
    on
        run.recorded_date = search.recorded_date
        and run.region = search.region
        and run.publish_time_days = search.publish_time_days
where run.run_id = %(run_id)s and search.hashtag = %(hashtag)s
