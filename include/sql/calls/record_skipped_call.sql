insert into comet_skipped_calls (run_id, run_attempt, hashtag, reason)
values (%(run_id)s, %(run_attempt)s, %(hashtag)s, %(reason)s)
on conflict do nothing
