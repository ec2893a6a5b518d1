-- Purpose: all dates of runs were run; those with scores say by which weights.
insert into comet_dates (recorded_date, is_run, score_version, score_weights)
select
    run.recorded_date,
    true as is_run,
    case when scored.recorded_date is not null then 1 end as score_version,
    case
        when scored.recorded_date is not null
            then '{"growth": 0.35, "acceleration": 0.15, "engagement": 0.15, "reach": 0.15, "breakout": 0.2}'::jsonb
    end as score_weights
from comet_runs as run
left join unnest(%(scored_dates)s::date[]) as scored (recorded_date) on run.recorded_date = scored.recorded_date
where starts_with(run.run_id, 'scheduled__')
order by run.recorded_date
