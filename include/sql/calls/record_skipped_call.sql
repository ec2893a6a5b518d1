-- Purpose: note that a run wanted a call and was refused, for its report.
-- Inputs: the hashtag (null: roll call), the reason. Grain: one row per run since last cleared, hashtag and reason.
-- Idempotent: what is noted stays as it is.
insert into comet_skipped_calls (run_id, run_attempt, hashtag, reason)
values (%(run_id)s, %(run_attempt)s, %(hashtag)s, %(reason)s)
on conflict do nothing
