-- Purpose: the answers of the roll call of one day of the year: every profile that could not be read; of the others a
-- share that is kept, and all of the last day. The days before the first date have no snapshots.
insert into comet_profiles (
    recorded_date, run_id, asked_id, user_id, outcome, observed_at, observed_date, handle, nickname, follower_count,
    heart_count, video_count
)
with answers as (
    select
        stats.user_id,
        stats.follower_count,
        stats.heart_count,
        stats.video_count,
        stats.basis = 'observed' as is_found
    from creator_stats as stats
    where
        stats.recorded_date = %(first_date)s::date + %(day_number)s
        and (
            (
                stats.basis = 'observed'
                and (
                    %(day_number)s = %(date_count)s - 1
                    or benchmark.fraction(stats.id, 72) < %(profiles_each)s / 365.0
                )
            )
            or (stats.basis = 'estimated' and %(day_number)s <> %(date_count)s * 2 / 3)
        )
    union all
    select
        benchmark.user_id(number) as user_id,
        benchmark.follower_count(number, %(day_number)s) as follower_count,
        null as heart_count,
        null as video_count,
        %(day_number)s < 0 as is_found
    from generate_series(1, %(creator_count)s) as number
    where
        case
            when %(day_number)s < 0
                then benchmark.fraction(number * 1000 + %(day_number)s, 72) < %(profiles_each)s / 365.0
            else %(day_number)s >= %(date_count)s - 5 and benchmark.is_missing(number)
        end
),

day as (select %(first_date)s::date + %(day_number)s as recorded_date)

select
    day.recorded_date,
    'scheduled__' || day.recorded_date || 'T02:00:00+00:00' as run_id,
    answers.user_id as asked_id,
    answers.user_id,
    case when answers.is_found then 'found' else 'failed' end as outcome,
    day.recorded_date + interval '2 hours 30 minutes' as observed_at,
    day.recorded_date as observed_date,
    creator.handle,
    creator.nickname,
    case when answers.is_found then answers.follower_count end as follower_count,
    case when answers.is_found then answers.heart_count end as heart_count,
    case when answers.is_found then answers.video_count end as video_count
from day
cross join answers
inner join creators as creator on answers.user_id = creator.user_id
order by answers.user_id
