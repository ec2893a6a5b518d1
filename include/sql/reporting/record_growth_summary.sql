-- Count the snapshots of a run's date by how their counts are known.
select
    max(run.recorded_date) as recorded_date,
    count(snapshot.user_id) as snapshot_count,
    count(snapshot.user_id) filter (where snapshot.basis = 'estimated') as estimated_count,
    count(snapshot.user_id) filter (where snapshot.basis = 'late') as backdated_count
from comet_runs as run
left join creator_stats as snapshot on run.recorded_date = snapshot.recorded_date
where run.run_id = %(run_id)s
