-- Purpose: the last days of one creator up to a date, oldest first, with how their figures are known.
-- Inputs: comet_snapshots. Grain: one row per date with a count. Idempotent: it only reads.
with days as (
    select
        recorded_date,
        follower_count,
        daily_growth_followers,
        gap_days,
        basis,
        basis <> 'observed' as is_estimated
    from comet_snapshots
    where user_id = %(user_id)s and recorded_date <= %(recorded_date)s::date
    order by recorded_date desc
    limit %(row_limit)s
)

select *
from days
order by recorded_date
