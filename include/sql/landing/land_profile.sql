-- Purpose: land the answer to a profile call, with the run's date; also the final "no such account".
-- Inputs: one answer. Grain: one row per answer.
-- Idempotent: it runs in the transaction that finishes its call, once.
insert into comet_profiles (
    recorded_date, run_id, user_id, outcome, observed_at,
    sec_uid, handle, nickname, avatar_url, signature, follower_count, heart_count, video_count
)
select
    run.recorded_date,
    run.run_id,
    %(user_id)s,
    %(outcome)s,
    %(observed_at)s,
    %(sec_uid)s,
    %(handle)s,
    %(nickname)s,
    %(avatar_url)s,
    %(signature)s,
    %(follower_count)s,
    %(heart_count)s,
    %(video_count)s
from comet_runs as run
where run.run_id = %(run_id)s
