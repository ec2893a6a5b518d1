-- Claim the breakouts of a run's date for notification.
-- Grain: one row per claimed video.
-- Idempotent: a video is claimed once; a parallel run waits for this transaction, and claims it only after a rollback.
with breakouts as (
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

-- Ordered, so that two runs that claim the same rows do not deadlock.
claimed as (
    insert into comet_notifications (kind, subject_id, user_id, run_id)
    select
        'breakout' as kind,
        breakouts.breakout_video_id as subject_id,
        breakouts.user_id,
        %(run_id)s as run_id
    from breakouts
    order by breakouts.breakout_video_id
    on conflict (kind, subject_id) do nothing
    returning subject_id, user_id
)

select
    claimed.user_id,
    creator.handle,
    claimed.subject_id as video_id,
    breakouts.breakout_ratio
from claimed
inner join breakouts on claimed.user_id = breakouts.user_id and claimed.subject_id = breakouts.breakout_video_id
inner join creators as creator on claimed.user_id = creator.user_id
order by breakouts.breakout_ratio desc, claimed.subject_id asc
