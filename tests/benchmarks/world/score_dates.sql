-- Purpose: the weights of the dates above.
insert into comet_score_dates (recorded_date, version, weights, creator_count, peer_counts)
select
    recorded_date,
    1 as version,
    '{"growth": 0.35, "acceleration": 0.15, "engagement": 0.15, "reach": 0.15, "breakout": 0.2}'::jsonb as weights,
    count(*) as creator_count,
    jsonb_build_object(
        'growth', count(growth_percentile),
        'acceleration', count(acceleration_percentile),
        'engagement', count(engagement_percentile),
        'reach', count(reach_percentile),
        'breakout', count(breakout_percentile)
    ) as peer_counts
from comet_scores
group by recorded_date
