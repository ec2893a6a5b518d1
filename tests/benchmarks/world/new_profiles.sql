-- Purpose: the profile of each creator, as the roll call of the date after the last one lands it; one in a hundred is
-- not found. Its ids begin after those that the observations refer to.
insert into comet_profiles (
    item_id, recorded_date, run_id, asked_id, user_id, outcome, observed_at, handle, nickname, follower_count,
    heart_count, video_count
)
overriding system value
with latest as (
    select max(item_id) as item_id
    from comet_observations
),

answers as (
    select
        stats.*,
        benchmark.fraction(stats.id, 70) >= 0.01 as is_found
    from creator_stats as stats
    inner join comet_runs as run on stats.recorded_date = run.recorded_date - 1
    where run.run_id = %(new_run_id)s
)

select
    latest.item_id + row_number() over (order by answers.user_id) as item_id,
    run.recorded_date,
    run.run_id,
    answers.user_id as asked_id,
    answers.user_id,
    case when answers.is_found then 'found' else 'no_account' end as outcome,
    run.accepted_at + interval '30 minutes' as observed_at,
    creator.handle,
    creator.nickname,
    case when answers.is_found then answers.follower_count + coalesce(answers.daily_growth_followers, 0) end
        as follower_count,
    case when answers.is_found then answers.heart_count + 100 end as heart_count,
    case when answers.is_found then answers.video_count end as video_count
from answers
cross join latest
inner join creators as creator on answers.user_id = creator.user_id
inner join comet_runs as run on run.run_id = %(new_run_id)s
order by answers.user_id
