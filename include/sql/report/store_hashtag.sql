-- Purpose: keep what the report of a run has counted for one of its hashtags.
-- Inputs: the report's own figures, bound. Output: comet_run_hashtags. Grain: one row per run and hashtag.
-- Idempotent: the same figures change nothing; other ones of the same run and hashtag take their place.
insert into comet_run_hashtags as known (
    run_id,
    hashtag,
    received_count,
    landed_count,
    rejected_count,
    video_count,
    tagged_count,
    comet_count,
    new_comet_count,
    call_count,
    billed_count
)
values (
    %(run_id)s,
    %(hashtag)s,
    %(received_count)s,
    %(landed_count)s,
    %(rejected_count)s,
    %(video_count)s,
    %(tagged_count)s,
    %(comet_count)s,
    %(new_comet_count)s,
    %(call_count)s,
    %(billed_count)s
)
on conflict (run_id, hashtag) do update
    set
        received_count = excluded.received_count,
        landed_count = excluded.landed_count,
        rejected_count = excluded.rejected_count,
        video_count = excluded.video_count,
        tagged_count = excluded.tagged_count,
        comet_count = excluded.comet_count,
        new_comet_count = excluded.new_comet_count,
        call_count = excluded.call_count,
        billed_count = excluded.billed_count
    where known is distinct from excluded
