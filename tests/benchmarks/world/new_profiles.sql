-- Purpose: the profile of each creator, as the roll call of the date after the last one lands it; one in a hundred
-- could not be read. The counts follow those of the date before the last one, which everybody has. Its ids begin after those that the observations refer to.
insert into comet_profiles (
    item_id, recorded_date, run_id, asked_id, user_id, outcome, observed_at, handle, nickname, follower_count,
    heart_count, video_count
)
overriding system value
with latest as (
    select max(item_id) as item_id
    from comet_observations
    where source = 'profile'
),

answers as (
    select
        stats.user_id,
        stats.follower_count,
        stats.heart_count,
        stats.video_count,
        stats.daily_growth_followers,
        benchmark.fraction(stats.id, 70) >= 0.01 as is_found
    from creator_stats as stats
    where stats.recorded_date = %(last_date)s::date - 1 and benchmark.fraction(stats.id, 71) < %(share)s
)

select
    latest.item_id + row_number() over (order by answers.user_id) as item_id,
    run.recorded_date,
    run.run_id,
    answers.user_id as asked_id,
    answers.user_id,
    case when answers.is_found then 'found' else 'failed' end as outcome,
    run.accepted_at + interval '30 minutes' as observed_at,
    creator.handle,
    creator.nickname,
    case when answers.is_found then answers.follower_count + 2 * coalesce(answers.daily_growth_followers, 0) end
        as follower_count,
    case when answers.is_found then answers.heart_count + 100 end as heart_count,
    case when answers.is_found then answers.video_count end as video_count
from answers
cross join latest
inner join creators as creator on answers.user_id = creator.user_id
inner join comet_runs as run on run.run_id = %(new_run_id)s
order by answers.user_id
