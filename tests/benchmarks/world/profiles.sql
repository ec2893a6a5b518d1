-- Purpose: the answers of the roll calls that are of use later: every profile that could not be read, and all of the
-- last date. Their ids are those that the observations name.
insert into comet_profiles (
    item_id, recorded_date, run_id, asked_id, user_id, outcome, observed_at, handle, nickname, follower_count,
    heart_count, video_count
)
overriding system value
select
    stats.id as item_id,
    stats.recorded_date,
    'scheduled__' || stats.recorded_date || 'T02:00:00+00:00' as run_id,
    stats.user_id as asked_id,
    stats.user_id,
    case when stats.basis = 'observed' then 'found' else 'failed' end as outcome,
    stats.recorded_date + interval '2 hours 30 minutes' as observed_at,
    creator.handle,
    creator.nickname,
    case when stats.basis = 'observed' then stats.follower_count end as follower_count,
    case when stats.basis = 'observed' then stats.heart_count end as heart_count,
    case when stats.basis = 'observed' then stats.video_count end as video_count
from creator_stats as stats
inner join creators as creator on stats.user_id = creator.user_id
where
    (stats.basis = 'estimated' and stats.recorded_date <> %(first_date)s::date + %(date_count)s * 2 / 3)
    or stats.recorded_date = %(first_date)s::date + %(date_count)s - 1
order by stats.id
