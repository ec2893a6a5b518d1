-- Purpose: all that the page of a creator shows of a date: figures, places, parts of the score, metrics with their
-- definitions, days, videos that proved it, hashtags, handles.
-- Inputs: creators, comet_snapshots, comet_scores, comet_dates, comet_score_parts, comet_discoveries,
-- comet_video_metrics, comet_handles, and comet_creator_metrics: its columns and their comments, so that a new metric
-- shows by itself. The date is the creator's latest one where it is null; the band is that of the leaderboard.
-- Grain: one row, or none when nobody has that id. Idempotent: it only reads.
with creator as (
    select
        creators.user_id,
        creators.handle,
        creators.nickname,
        creators.status,
        creators.tracked_since,
        finder.recorded_date as found_on
    from creators
    left join comet_runs as finder on creators.found_by_run_id = finder.run_id
    where creators.user_id = %(user_id)s::text
),

own_dates as materialized (
    select own.recorded_date
    from comet_dates as date
    inner join comet_scores as own on date.recorded_date = own.recorded_date and own.user_id = %(user_id)s::text
),

snapshots as materialized (
    select *
    from comet_snapshots
    where user_id = %(user_id)s::text
),

shown as (
    select
        coalesce(
            %(recorded_date)s::date,
            (select max(own_dates.recorded_date) from own_dates),
            (select max(snapshots.recorded_date) from snapshots)
        ) as recorded_date
),

figures as (
    select own.*
    from shown
    inner join comet_scores as own
        on shown.recorded_date = own.recorded_date and own.user_id = %(user_id)s::text
),

rivals as (
    select
        rival.follower_count between %(min_followers)s::bigint and %(max_followers)s::bigint as is_in_band,
        (coalesce(rival.growth_rate, '-infinity'), rival.follower_count, figures.user_id)
        > (coalesce(figures.growth_rate, '-infinity'), figures.follower_count, rival.user_id) as is_faster,
        (coalesce(rival.score, '-infinity'::numeric), rival.follower_count, figures.user_id)
        > (coalesce(figures.score, '-infinity'::numeric), figures.follower_count, rival.user_id) as is_higher
    from figures
    inner join comet_scores as rival
        on figures.recorded_date = rival.recorded_date and figures.is_graduated = rival.is_graduated
),

places as (
    select
        count(*) as total_count,
        1 + count(*) filter (where is_faster) as growth_place,
        1 + count(*) filter (where is_higher) as score_place,
        count(*) filter (where is_in_band) as band_count,
        1 + count(*) filter (where is_in_band and is_faster) as band_growth_place,
        1 + count(*) filter (where is_in_band and is_higher) as band_score_place
    from rivals
),

-- As the ranking has stated them; a metric that no ranking stores is worked out now.
metrics as (
    select
        jsonb_agg(
            jsonb_build_object(
                'name', attribute.attname,
                'definition', col_description(attribute.attrelid, attribute.attnum),
                'value', (to_jsonb(metric) || coalesce(to_jsonb(figures), '{}')) -> attribute.attname::text
            )
            order by attribute.attnum
        ) as entries
    from comet_creator_metrics as metric
    inner join pg_attribute as attribute
        on
            attribute.attrelid = 'comet_creator_metrics'::regclass
            and attribute.attnum > 0
            and not attribute.attisdropped
            and attribute.attname not in ('user_id', 'recorded_date')
    left join figures on true
    where
        metric.recorded_date = (select shown.recorded_date from shown)
        and metric.user_id = %(user_id)s::text
),

days as (
    select
        recorded_date,
        follower_count,
        heart_count,
        video_count,
        daily_growth_followers,
        daily_growth_percent,
        gap_days,
        basis
    from snapshots
    order by recorded_date desc
    limit 400
),

proofs as (
    select
        video_id,
        max(play_count) as play_count,
        min(recorded_date) as first_date,
        max(recorded_date) as last_date,
        count(distinct recorded_date) as date_count,
        jsonb_agg(distinct hashtag) as hashtags
    from comet_discoveries
    where user_id = %(user_id)s::text
    group by video_id
),

best_proofs as (
    select *
    from proofs
    order by play_count desc, video_id asc
    limit 50
),

videos as (
    select
        proof.video_id,
        proof.play_count as proving_play_count,
        proof.first_date,
        proof.last_date,
        proof.date_count,
        proof.hashtags,
        seen.observed_at,
        seen.published_at,
        seen.caption,
        seen.play_count,
        seen.like_count,
        seen.comment_count,
        seen.share_count,
        seen.save_count,
        seen.views_per_hour,
        seen.lifetime_views_per_hour,
        seen.engagement_rate
    from best_proofs as proof
    left join lateral (
        select metric.*
        from comet_video_metrics as metric
        where metric.user_id = %(user_id)s::text and metric.video_id = proof.video_id
        order by metric.observed_at desc
        limit 1
    ) as seen on true
),

hashtags as (
    select
        hashtag,
        count(distinct recorded_date) as date_count,
        count(distinct video_id) as video_count,
        min(recorded_date) as first_date,
        max(recorded_date) as last_date
    from comet_discoveries
    where user_id = %(user_id)s::text
    group by hashtag
),

handles as (
    select
        handle,
        first_seen_at
    from comet_handles
    where user_id = %(user_id)s::text
)

select
    to_jsonb(creator) as creator,
    shown.recorded_date,
    (
        select max(own_dates.recorded_date)
        from own_dates
        where own_dates.recorded_date < shown.recorded_date
    ) as previous_date,
    (
        select min(own_dates.recorded_date)
        from own_dates
        where own_dates.recorded_date > shown.recorded_date
    ) as next_date,
    (select to_jsonb(figures) from figures) as figures,
    (select to_jsonb(places) from places) as places,
    (
        select to_jsonb(made)
        from comet_dates as made
        where made.recorded_date = shown.recorded_date and made.score_weights is not null
    ) as made,
    (
        select coalesce(jsonb_agg(to_jsonb(scored) order by scored.weight desc, scored.part asc), '[]')
        from comet_score_parts as scored
        where scored.recorded_date = shown.recorded_date and scored.user_id = %(user_id)s::text
    ) as parts,
    (select coalesce(metrics.entries, '[]') from metrics) as metrics,
    (select coalesce(jsonb_agg(to_jsonb(days) order by days.recorded_date), '[]') from days) as days,
    (
        select
            coalesce(
                jsonb_agg(
                    to_jsonb(videos)
                    order by coalesce(videos.play_count, videos.proving_play_count) desc, videos.video_id asc
                ),
                '[]'
            )
        from videos
    ) as videos,
    (select count(*) from proofs) as video_count,
    (
        select coalesce(jsonb_agg(to_jsonb(hashtags) order by hashtags.date_count desc, hashtags.hashtag asc), '[]')
        from hashtags
    ) as hashtags,
    (
        select coalesce(jsonb_agg(to_jsonb(handles) order by handles.first_seen_at desc, handles.handle asc), '[]')
        from handles
    ) as handles
from creator
cross join shown
