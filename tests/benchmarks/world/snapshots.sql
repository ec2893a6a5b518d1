-- Purpose: a row in creator_stats per creator that is tracked on the day, and the profile that was read for it. One
-- profile in a hundred could not be read, and on one day none: such rows are estimated, and stand only where a later
-- day was read. Some newcomers have a late first row. In the order in which a day writes them.
with tracked as (
    select
        number,
        case
            when number > %(creator_count)s
                then floor(%(date_count)s * (number - %(creator_count)s - 1)::float8 / %(newcomer_count)s)
            else -1
        end = %(day_number)s as is_first
    from generate_series(
        1,
        %(creator_count)s + ceil(%(newcomer_count)s * (%(day_number)s + 1)::float8 / %(date_count)s)::integer
    ) as number
),

counted as (
    select
        number,
        is_first,
        benchmark.follower_count(number, %(day_number)s) as follower_count,
        case
            when not is_first and %(day_number)s > 0 then benchmark.follower_count(number, %(day_number)s - 1)
        end as previous_count,
        case
            when is_first and mod(number, 5) = 0 then 'late'
            when is_first or %(day_number)s = 0 then 'observed'
            when %(day_number)s = %(date_count)s * 2 / 3 then 'estimated'
            when benchmark.fraction(number * 1000 + %(day_number)s, 20) < 0.01 then 'estimated'
            else 'observed'
        end as basis
    from tracked
),

written as (
    insert into creator_stats (
        user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent,
        basis, gap_days
    )
    select
        benchmark.user_id(number) as user_id,
        %(first_date)s::date + %(day_number)s as recorded_date,
        follower_count,
        follower_count * 20 + %(day_number)s as heart_count,
        40 + mod(number, 300) + %(day_number)s / 3 as video_count,
        coalesce(follower_count - previous_count, 0) as daily_growth_followers,
        coalesce(round(100 * (follower_count - previous_count)::numeric / previous_count, 2), 0)
            as daily_growth_percent,
        basis,
        case when previous_count is not null then 1 end as gap_days
    from counted
    where basis <> 'estimated' or %(day_number)s < %(date_count)s - 1
    order by number
    returning id, user_id, recorded_date, follower_count, heart_count, video_count, basis
)

insert into comet_observations (
    source, item_id, user_id, observed_at, observed_date, follower_count, heart_count, video_count, run_id
)
select
    'profile' as source,
    id as item_id,
    user_id,
    recorded_date + interval '2 hours 30 minutes' as observed_at,
    recorded_date as observed_date,
    follower_count,
    heart_count,
    video_count,
    'scheduled__' || recorded_date || 'T02:00:00+00:00' as run_id
from written
where basis = 'observed'
