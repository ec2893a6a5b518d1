-- Purpose: the growing Comets of a date, fastest first, with how their figures are known. A first reading has no growth
-- and comes last, as a late row does.
-- Inputs: creator_stats, creators, comet_discoveries. Grain: one row per creator with a snapshot on the date.
-- Idempotent: it only reads.
with hashtags as (
    select
        user_id,
        array_agg(distinct hashtag order by hashtag) as hashtags
    from comet_discoveries
    group by user_id
)

select
    row_number() over (
        order by
            case when stats.gap_days is not null then stats.daily_growth_followers end desc nulls last,
            stats.follower_count desc nulls last,
            stats.user_id asc
    ) as place,
    stats.user_id,
    creator.handle,
    creator.nickname,
    stats.follower_count,
    case when stats.gap_days is not null then stats.daily_growth_followers end as daily_growth_followers,
    case when stats.gap_days is not null then stats.daily_growth_percent end as daily_growth_percent,
    stats.gap_days,
    stats.basis,
    stats.basis <> 'observed' as is_count_estimated,
    stats.basis <> 'observed' or coalesce(previous.basis <> 'observed', false) as is_growth_estimated,
    creator.tracked_since,
    coalesce(hashtags.hashtags, '{}') as hashtags
from creator_stats as stats
inner join creators as creator on stats.user_id = creator.user_id
left join hashtags on stats.user_id = hashtags.user_id
left join lateral (
    select earlier.basis
    from creator_stats as earlier
    where
        earlier.user_id = stats.user_id
        and earlier.recorded_date < stats.recorded_date
        and earlier.follower_count is not null
    order by earlier.recorded_date desc
    limit 1
) as previous on true
where stats.recorded_date = %(recorded_date)s::date
order by place
limit %(row_limit)s
