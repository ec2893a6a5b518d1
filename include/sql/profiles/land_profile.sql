insert into comet_profiles (
    recorded_date, run_id, asked_id, user_id, outcome, observed_at, observed_date,
    sec_uid, handle, nickname, avatar_url, signature, follower_count, heart_count, video_count
)
select
    run.recorded_date,
    run.run_id,
    %(asked_id)s as asked_id,
    %(user_id)s as user_id,
    'found' as outcome,
    %(observed_at)s as observed_at,
    (%(observed_at)s::timestamptz at time zone run.timezone)::date as observed_date,
    %(sec_uid)s as sec_uid,
    %(handle)s as handle,
    %(nickname)s as nickname,
    %(avatar_url)s as avatar_url,
    %(signature)s as signature,
    %(follower_count)s as follower_count,
    %(heart_count)s as heart_count,
    %(video_count)s as video_count
from comet_runs as run
where run.run_id = %(run_id)s
