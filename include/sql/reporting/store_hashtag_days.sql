-- Store the results of the hashtags of a run's date, derived from the reports of all runs of the date.
-- Idempotent: they replace those that an earlier report has left.
insert into comet_hashtag_days as existing (
    recorded_date, hashtag, run_count, video_count, tagged_count, new_comet_count, new_tagged_comet_count, call_count,
    billed_count
)
select
    reported.recorded_date,
    reported.hashtag,
    reported.run_count,
    reported.video_count,
    reported.tagged_count,
    reported.new_comet_count,
    reported.new_tagged_comet_count,
    reported.call_count,
    reported.billed_count
from comet_runs as run
inner join comet_reported_hashtags as reported on run.recorded_date = reported.recorded_date
where run.run_id = %(run_id)s
on conflict (recorded_date, hashtag) do update set
    run_count = excluded.run_count,
    video_count = excluded.video_count,
    tagged_count = excluded.tagged_count,
    new_comet_count = excluded.new_comet_count,
    new_tagged_comet_count = excluded.new_tagged_comet_count,
    call_count = excluded.call_count,
    billed_count = excluded.billed_count
where to_jsonb(existing) <> to_jsonb(excluded)
