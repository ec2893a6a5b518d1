-- Purpose: what each run's own filter found; runs by hand find what the scheduled ones found.
insert into comet_run_discoveries (run_id, user_id, video_id, hashtag, follower_count, play_count, found_at)
select
    run.run_id,
    discovery.user_id,
    discovery.video_id,
    discovery.hashtag,
    discovery.follower_count,
    discovery.play_count,
    discovery.found_at
from comet_runs as run
inner join comet_discoveries as discovery on run.recorded_date = discovery.recorded_date
order by run.accepted_at
