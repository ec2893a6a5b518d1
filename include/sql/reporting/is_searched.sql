-- Return whether the search of a hashtag is finished and restart_search.sql would not restart it.
select count(*) > 0 as is_searched
from comet_runs as run
inner join comet_searches as search
    on
        run.recorded_date = search.recorded_date
        and run.region = search.region
        and run.publish_time_days = search.publish_time_days
where
    run.run_id = %(run_id)s
    and search.hashtag = %(hashtag)s
    and search.stop_reason is not null
    and not search.is_discarded
    and (search.run_id = run.run_id or not (run.is_live or run.is_refresh))
