-- A year of runs with 2,000 hashtags each, and a ranking of 10,000 creators on the last date. The creators are missing,
-- so that a run fetches no profile of them.
insert into creators (
    user_id, handle, nickname, status, first_found_at, tracked_since, found_by_run_id, is_settled
)
select
    (6800000000000000000 + number)::text, 'creator' || number, 'Number ' || number, 'missing',
    timestamptz '2025-02-28 02:00:00+00', date '2025-02-28', 'flood 2025-02-28', true
from generate_series(1, 10000) as number;

insert into comet_dates (recorded_date, is_run, score_version, score_weights)
select
    day::date, true, 1,
    '{"growth": 0.35, "acceleration": 0.2, "engagement": 0.2, "reach": 0.15, "breakout": 0.1}'::jsonb
from generate_series(timestamp '2025-02-28', timestamp '2026-02-28', interval '1 day') as day;

insert into creator_stats (
    user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent,
    counted_at, gap_days
)
select
    creator.user_id, date.recorded_date, 20000, 400000, 100, 10, 0.05, date.recorded_date + interval '2 hours', 1
from comet_dates as date
inner join creators as creator on date.recorded_date = '2026-02-28' or creator.handle = 'creator1';

insert into comet_discoveries (
    recorded_date, user_id, video_id, hashtag, follower_count, play_count, max_followers, found_at
)
select
    date.recorded_date, creator.user_id, right(creator.user_id, 8), 'topic' || place, 20000, 60000, 100000,
    date.recorded_date + interval '2 hours'
from comet_dates as date
inner join creators as creator on date.recorded_date = '2026-02-28' or creator.handle = 'creator1'
cross join generate_series(1, 5) as place;

insert into comet_scores (
    recorded_date, user_id, is_graduated, counted_date, follower_count, basis, daily_growth_followers,
    daily_growth_percent, growth_rate, growth_1d_rate, growth_1d_days, is_growth_1d_estimated, acceleration,
    engagement_rate, view_follower_ratio, video_count, engagement_video_count, ranks, score, is_low_confidence, scored_at
)
select
    recorded_date, user_id, false, recorded_date, follower_count, 'observed', 10,
    0.05, 0.0005, 0.0005, 1, false, 1,
    0.05, 2.5, 6, 6,
    '{"growth": {"percentile": 0.5, "peer_count": 10000}, "reach": {"percentile": 0.5, "peer_count": 10000}}'::jsonb,
    50, false, recorded_date + interval '3 hours'
from creator_stats
where recorded_date = '2026-02-28';

insert into comet_runs (
    run_id, recorded_date, timezone, hashtags, min_followers, max_followers, min_video_views, pages_per_hashtag,
    page_size, publish_time_days, region, max_api_calls, is_refresh, is_live, is_made_up, accepted_at, report
)
select
    'flood ' || date.recorded_date, date.recorded_date, 'UTC', requested.hashtags, 10000, 100000, 50000, 3,
    20, 0, 'US', 500000, false, true, true, date.recorded_date + interval '2 hours',
    '{"received_count": 120000, "landed_count": 120000, "rejected_count": 0, "comet_count": 500, "stop_reasons": [],'
    '"new_comet_count": 5, "call_count": 6000, "billed_count": 6000}'::jsonb
    || jsonb_build_object('hashtags', requested.entries)
from comet_dates as date
cross join (
    select
        array_agg('topic' || number) as hashtags,
        jsonb_agg(
            jsonb_build_object('hashtag', 'topic' || number)
            || '{"received_count": 60, "landed_count": 60, "rejected_count": 0, "video_count": 50}'
            || '{"tagged_count": 40, "comet_count": 20, "new_comet_count": 1, "new_tagged_comet_count": 1}'
            || '{"call_count": 3, "billed_count": 3}'
        ) as entries
    from generate_series(1, 2000) as number
) as requested;

analyze;
