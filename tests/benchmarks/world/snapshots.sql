-- Purpose: a row in creator_stats per creator that is tracked on the day. One profile in a hundred could not be read,
-- and on one day none: such rows are estimated, and stand only where a later day was read. Some newcomers have a late
-- first row, and missing creators none on the last five days. In the order in which a day writes them.
insert into creator_stats (
    user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent,
    basis, counted_at, gap_days
)
with tracked as (
    select
        number,
        found.first_day + (found.first_day = %(left_out_day)s)::integer as first_day,
        %(day_number)s - 1 - (%(day_number)s - 1 = %(left_out_day)s)::integer as previous_day
    from generate_series(
        1,
        %(creator_count)s + ceil(%(newcomer_count)s * (%(day_number)s + 1)::float8 / %(date_count)s)::integer
    ) as number
    cross join lateral (
        values
        (
            greatest(
                floor(%(date_count)s * (number - %(creator_count)s - 1)::float8 / %(newcomer_count)s)::integer, 0
            )
        )
    ) as found (first_day)
    where
        number > %(creator_count)s or %(day_number)s < %(date_count)s - 5 or not benchmark.is_missing(number)
),

counted as (
    select
        number,
        benchmark.follower_count(number, %(day_number)s) as follower_count,
        case
            when previous_day >= first_day + (number > %(creator_count)s and mod(number, 5) = 0)::integer
                then benchmark.follower_count(number, previous_day)
        end as previous_count,
        %(day_number)s - previous_day as gap_days,
        case
            when first_day = %(day_number)s
                then case when number > %(creator_count)s and mod(number, 5) = 0 then 'late' else 'observed' end
            when %(day_number)s = %(date_count)s * 2 / 3 then 'estimated'
            when benchmark.fraction(number * 1000 + %(day_number)s, 20) < 0.01 then 'estimated'
            else 'observed'
        end as basis
    from tracked
)

select
    benchmark.user_id(number) as user_id,
    %(first_date)s::date + %(day_number)s as recorded_date,
    follower_count,
    case when basis = 'observed' then follower_count * 20 + %(day_number)s end as heart_count,
    case when basis = 'observed' then 40 + mod(number, 300) + %(day_number)s / 3 end as video_count,
    coalesce(round((follower_count - previous_count)::numeric / gap_days), 0) as daily_growth_followers,
    coalesce(round(100 * (follower_count - previous_count)::numeric / (previous_count * gap_days), 2), 0)
        as daily_growth_percent,
    basis,
    case when basis <> 'late' then %(first_date)s::date + %(day_number)s + interval '2 hours 30 minutes' end
        as counted_at,
    case when previous_count is not null then gap_days end as gap_days
from counted
where basis <> 'estimated' or %(day_number)s < %(date_count)s - 1
order by number
