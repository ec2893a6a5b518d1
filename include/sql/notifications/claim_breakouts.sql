-- Purpose: take the breakouts of a run's date that nobody was told of yet, so that they are told of once.
-- Inputs: comet_runs, comet_scores, creators. Output: comet_notifications. Grain: one row per video that was taken.
-- Idempotent: what was taken is taken no more; a parallel run waits for this transaction and takes it only if it is
-- rolled back.
with found as (
    select
        score.user_id,
        score.breakout_video_id,
        score.breakout_ratio
    from comet_runs as run
    inner join comet_scores as score on run.recorded_date = score.recorded_date
    where
        run.run_id = %(run_id)s
        and score.breakout_ratio >= %(breakout_ratio)s
        and score.breakout_video_id is not null
),

-- In order, so that two runs that take the same wait for each other and not in a circle.
taken as (
    insert into comet_notifications (kind, subject_id, user_id, run_id)
    select
        'breakout' as kind,
        found.breakout_video_id as subject_id,
        found.user_id,
        %(run_id)s as run_id
    from found
    order by found.breakout_video_id
    on conflict (kind, subject_id) do nothing
    returning subject_id, user_id
)

select
    taken.user_id,
    creator.handle,
    taken.subject_id as video_id,
    found.breakout_ratio
from taken
inner join found on taken.user_id = found.user_id and taken.subject_id = found.breakout_video_id
inner join creators as creator on taken.user_id = creator.user_id
order by found.breakout_ratio desc, taken.subject_id asc
