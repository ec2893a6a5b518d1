-- Return TikHub's clock at its last successful response to a run: error responses carry no time.
select
    greatest(
        (
            select max(page.observed_at)
            from comet_searches as search
            inner join comet_pages as page on search.search_id = page.search_id
            where search.recorded_date = run.recorded_date and page.run_id = run.run_id
        ),
        (
            select max(profile.observed_at)
            from comet_profiles as profile
            where profile.recorded_date = run.recorded_date and profile.run_id = run.run_id
        )
    ) as answered_at
from comet_runs as run
where run.run_id = %(run_id)s
