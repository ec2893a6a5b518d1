-- Purpose: scores of the dates that are given; the last one's are made by the real step. Growth is worked out from the
-- same formula as the followers, all else is made up: working out every date by the real step takes many minutes.
-- The rows come in the order of creator_stats, which is that of days.
insert into comet_scores (
    recorded_date, user_id, is_graduated, counted_date, follower_count, basis,
    daily_growth_followers, daily_growth_percent, growth_rate, growth_1d_rate, growth_7d_rate, growth_30d_rate,
    growth_1d_days, growth_7d_days, growth_30d_days, is_growth_1d_estimated, is_growth_7d_estimated,
    is_growth_30d_estimated, acceleration, acceleration_days, engagement_rate, view_follower_ratio, breakout_ratio,
    breakout_video_id, video_count, engagement_video_count, breakout_other_count, ranks, score, is_low_confidence,
    scored_at
)
with drawn as (
    select
        stats.*,
        stats.id * 10 as draw,
        stats.recorded_date - %(first_date)s as day_number,
        coalesce(stats.daily_growth_percent, 0)::float8 / 100 as daily_rate,
        benchmark.fraction(stats.id, 50) < 0.7 as has_videos,
        benchmark.fraction(stats.id, 51) < 0.05 as has_breakout
    from creator_stats as stats
    where stats.recorded_date = any(%(scored_dates)s::date[]) and stats.basis <> 'late'
)

select
    recorded_date,
    user_id,
    follower_count > 100000 as is_graduated,
    recorded_date as counted_date,
    follower_count,
    basis,
    daily_growth_followers,
    daily_growth_percent,
    case when gap_days is not null then daily_rate end as growth_rate,
    case when gap_days = 1 then daily_rate end as growth_1d_rate,
    case when day_number >= 7 then daily_rate * (0.8 + 0.4 * benchmark.fraction(draw, 52)) end as growth_7d_rate,
    case when day_number >= 30 then daily_rate * (0.6 + 0.8 * benchmark.fraction(draw, 53)) end as growth_30d_rate,
    case when gap_days = 1 then 1 end as growth_1d_days,
    case when day_number >= 7 then 7 end as growth_7d_days,
    case when day_number >= 30 then 30 end as growth_30d_days,
    case when gap_days = 1 then basis <> 'observed' end as is_growth_1d_estimated,
    case when day_number >= 7 then basis <> 'observed' end as is_growth_7d_estimated,
    case when day_number >= 30 then basis <> 'observed' end as is_growth_30d_estimated,
    case when day_number >= 2 then daily_growth_followers * (benchmark.fraction(draw, 54) - 0.5) end as acceleration,
    case when day_number >= 2 then 2 end as acceleration_days,
    case when has_videos then 0.02 + 0.1 * benchmark.fraction(draw, 55) end as engagement_rate,
    case when has_videos then 3 * benchmark.fraction(draw, 56) end as view_follower_ratio,
    case when has_breakout then 1 + 9 * benchmark.fraction(draw, 57) end as breakout_ratio,
    case when has_breakout then '7000000000000000000' end as breakout_video_id,
    case when has_videos then 3 else 0 end as video_count,
    case when has_videos then 3 else 0 end as engagement_video_count,
    case when has_breakout then 6 else 0 end as breakout_other_count,
    (
        select
            jsonb_object_agg(
                part.name,
                jsonb_build_object('percentile', benchmark.fraction(draw, part.salt), 'peer_count', %(creator_count)s)
            )
        from (
            values
            ('growth', 58, true), ('acceleration', 59, day_number >= 2), ('engagement', 60, has_videos),
            ('reach', 61, has_videos), ('breakout', 62, has_breakout)
        ) as part (name, salt, is_known)
        where part.is_known
    ) as ranks,
    round((100 * benchmark.fraction(draw, 58))::numeric, 1) as score,
    not has_videos as is_low_confidence,
    recorded_date + interval '3 hours' as scored_at
from drawn
