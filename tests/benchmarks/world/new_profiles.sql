-- Purpose: the profiles of a share of the creators, as the roll call of the date after the last one lands them; one in
-- a hundred could not be read. The counts follow those of the date before the last one, which all have but the missing.
insert into comet_profiles (
    recorded_date, run_id, asked_id, user_id, outcome, observed_at, observed_date, handle, nickname, follower_count,
    heart_count, video_count
)
with answers as (
    select
        stats.user_id,
        stats.follower_count,
        stats.video_count,
        stats.daily_growth_followers,
        benchmark.fraction(stats.id, 70) >= 0.01 as is_found
    from creator_stats as stats
    where stats.recorded_date = %(last_date)s::date - 1 and benchmark.fraction(stats.id, 71) < %(share)s
)

select
    run.recorded_date,
    run.run_id,
    answers.user_id as asked_id,
    answers.user_id,
    case when answers.is_found then 'found' else 'failed' end as outcome,
    run.accepted_at + interval '30 minutes' as observed_at,
    run.recorded_date as observed_date,
    creator.handle,
    creator.nickname,
    case when answers.is_found then answers.follower_count + 2 * answers.daily_growth_followers end as follower_count,
    case when answers.is_found then answers.follower_count * 20 + 100 end as heart_count,
    case when answers.is_found then answers.video_count end as video_count
from answers
inner join creators as creator on answers.user_id = creator.user_id
inner join comet_runs as run on run.run_id = %(new_run_id)s
order by answers.user_id
