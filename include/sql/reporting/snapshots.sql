select
    snapshot.basis,
    count(*) as snapshot_count
from comet_runs as run
inner join creator_stats as snapshot on run.recorded_date = snapshot.recorded_date
where run.run_id = %(run_id)s
group by snapshot.basis
order by snapshot.basis
