-- Store the totals of a run and of each of its hashtags, replacing those of an earlier report of the same run.
with stored as (
    update comet_runs
    set report = %(report)s::jsonb - 'hashtags'
    where run_id = %(run_id)s and report is distinct from %(report)s::jsonb - 'hashtags'
),

dropped as (
    delete from comet_hashtag_results
    where
        run_id = %(run_id)s
        and hashtag not in (
            select result.hashtag
            from jsonb_populate_recordset(null::comet_hashtag_results, %(report)s::jsonb -> 'hashtags') as result
        )
)

insert into comet_hashtag_results as existing (
    run_id, hashtag, video_count, tagged_count, new_comet_count, new_tagged_comet_count, call_count, billed_count
)
select
    %(run_id)s as run_id,
    result.hashtag,
    result.video_count,
    result.tagged_count,
    result.new_comet_count,
    result.new_tagged_comet_count,
    result.call_count,
    result.billed_count
from jsonb_populate_recordset(null::comet_hashtag_results, %(report)s::jsonb -> 'hashtags') as result
on conflict (run_id, hashtag) do update set
    (video_count, tagged_count, new_comet_count, new_tagged_comet_count, call_count, billed_count) = row (
        excluded.video_count, excluded.tagged_count, excluded.new_comet_count, excluded.new_tagged_comet_count,
        excluded.call_count, excluded.billed_count
    )
where to_jsonb(existing) is distinct from to_jsonb(excluded)
