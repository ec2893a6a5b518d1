-- Purpose: the last days of one creator up to a date, oldest first, with how their figures are known.
-- Inputs: creator_stats. Grain: one row per day with a snapshot. Idempotent: it only reads.
with days as (
    select
        recorded_date,
        follower_count,
        case when gap_days is not null then daily_growth_followers end as daily_growth_followers,
        gap_days,
        basis
    from creator_stats
    where user_id = %(user_id)s and recorded_date <= %(recorded_date)s::date
    order by recorded_date desc
    limit %(row_limit)s
)

select
    days.recorded_date,
    days.follower_count,
    days.daily_growth_followers,
    days.gap_days,
    days.basis,
    days.basis <> 'observed' as is_count_estimated,
    days.basis <> 'observed' or coalesce(previous.basis <> 'observed', false) as is_growth_estimated
from days
left join lateral (
    select earlier.basis
    from creator_stats as earlier
    where
        earlier.user_id = %(user_id)s
        and earlier.recorded_date < days.recorded_date
        and earlier.follower_count is not null
    order by earlier.recorded_date desc
    limit 1
) as previous on true
order by days.recorded_date
