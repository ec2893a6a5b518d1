-- Purpose: a row in creator_stats per creator and date that it is tracked on, but for one in 30,000. Every tenth is
-- estimated, and so are the first ones of some newcomers late. In the order in which days write them.
insert into creator_stats (
    user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent,
    basis, gap_days
)
with tracked as (
    select
        number,
        case
            when number > %(creator_count)s
                then floor(%(date_count)s * (number - %(creator_count)s - 1)::float8 / %(newcomer_count)s)
            else -1
        end as first_number
    from generate_series(1, %(creator_count)s + %(newcomer_count)s) as number
),

days as (
    select
        tracked.number,
        day.day_number,
        tracked.first_number = day.day_number as is_first
    from tracked
    inner join generate_series(0, %(date_count)s - 1) as day (day_number) on tracked.first_number <= day.day_number
),

counted as (
    select
        number,
        day_number,
        benchmark.follower_count(number, day_number) as follower_count,
        case
            when is_first and mod(number, 5) = 0 then 'late'
            when is_first or day_number in (0, %(date_count)s - 1) then 'observed'
            when benchmark.fraction(number * 1000 + day_number, 20) < 0.1 then 'estimated'
            else 'observed'
        end as basis
    from days
    where is_first or benchmark.fraction(number * 1000 + day_number, 21) >= 1 / 30000.0
),

compared as (
    select
        *,
        lag(follower_count) over creator as previous_count,
        day_number - lag(day_number) over creator as gap_days
    from counted
    window creator as (partition by number order by day_number)
)

select
    benchmark.user_id(number) as user_id,
    %(first_date)s::date + day_number as recorded_date,
    follower_count,
    follower_count * 20 + day_number as heart_count,
    40 + mod(number, 300) + day_number / 3 as video_count,
    coalesce(round((follower_count - previous_count)::numeric / gap_days), 0) as daily_growth_followers,
    coalesce(round(100 * (follower_count - previous_count)::numeric / previous_count / gap_days, 2), 0)
        as daily_growth_percent,
    basis,
    gap_days
from compared
order by day_number, user_id
