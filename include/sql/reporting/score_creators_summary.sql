-- Count the creators in the ranking of a run's date.
select
    max(run.recorded_date) as recorded_date,
    count(score.user_id) as creator_count,
    count(score.user_id) filter (where score.is_graduated) as graduated_count
from comet_runs as run
left join comet_scores as score on run.recorded_date = score.recorded_date
where run.run_id = %(run_id)s
