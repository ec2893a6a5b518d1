-- Purpose: the profile that was read for each observed row of creator_stats.
insert into comet_observations (
    source, item_id, user_id, observed_at, observed_date, follower_count, heart_count, video_count, run_id
)
select
    'profile' as source,
    id as item_id,
    user_id,
    recorded_date + interval '2 hours 30 minutes' as observed_at,
    recorded_date as observed_date,
    follower_count,
    heart_count,
    video_count,
    'scheduled__' || recorded_date || 'T02:00:00+00:00' as run_id
from creator_stats
where basis = 'observed'
order by id
