-- Return all that a creator's page shows of a date; by default, of the creator's latest one.
-- A new metric shows by itself: the list comes from the columns of comet_creator_metrics and their comments.
-- Grain: one row, or none for an unknown id. It reads the newest 5,000 discoveries and shows the newest 400 days.
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
    select score.recorded_date
    from comet_dates as date
    inner join comet_scores as score on date.recorded_date = score.recorded_date and score.user_id = %(user_id)s::text
),

snapshots as materialized (
    select *
    from comet_snapshots
    where user_id = %(user_id)s::text
),

selected as (
    select
        coalesce(
            %(recorded_date)s::date,
            (select max(own_dates.recorded_date) from own_dates),
            (select max(snapshots.recorded_date) from snapshots)
        ) as recorded_date
),

figures as (
    select score.*
    from selected
    inner join comet_scores as score
        on selected.recorded_date = score.recorded_date and score.user_id = %(user_id)s::text
),

peers as (
    select
        peer.follower_count between %(min_followers)s::bigint and %(max_followers)s::bigint as is_in_band,
        (coalesce(peer.growth_rate, '-infinity'), peer.follower_count, figures.user_id)
        > (coalesce(figures.growth_rate, '-infinity'), figures.follower_count, peer.user_id) as is_faster,
        (coalesce(peer.score, '-infinity'::numeric), peer.follower_count, figures.user_id)
        > (coalesce(figures.score, '-infinity'::numeric), figures.follower_count, peer.user_id) as is_higher
    from figures
    inner join comet_scores as peer
        on figures.recorded_date = peer.recorded_date and figures.is_graduated = peer.is_graduated
),

places as (
    select
        count(*) as total_count,
        1 + count(*) filter (where is_faster) as growth_place,
        1 + count(*) filter (where is_higher) as score_place,
        count(*) filter (where is_in_band) as band_count,
        1 + count(*) filter (where is_in_band and is_faster) as band_growth_place,
        1 + count(*) filter (where is_in_band and is_higher) as band_score_place
    from peers
),

-- Values come from the stored ranking; a metric that it lacks is computed now.
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
        metric.recorded_date = (select selected.recorded_date from selected)
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

discoveries as materialized (
    select
        recorded_date,
        video_id,
        hashtag,
        play_count
    from comet_discoveries
    where user_id = %(user_id)s::text
    order by recorded_date desc
    limit 5000
),

qualifying_videos as (
    select
        video_id,
        max(play_count) as play_count,
        min(recorded_date) as first_date,
        max(recorded_date) as last_date,
        count(distinct recorded_date) as date_count,
        to_jsonb((array_agg(distinct hashtag))[:20]) as hashtags
    from discoveries
    group by video_id
),

top_videos as (
    select *
    from qualifying_videos
    order by play_count desc, video_id asc
    limit 50
),

videos as (
    select
        video.video_id,
        video.play_count as proving_play_count,
        video.first_date,
        video.last_date,
        video.date_count,
        video.hashtags,
        latest.observed_at,
        latest.published_at,
        latest.caption,
        latest.play_count,
        latest.like_count,
        latest.comment_count,
        latest.share_count,
        latest.save_count,
        latest.views_per_hour,
        latest.lifetime_views_per_hour,
        latest.engagement_rate
    from top_videos as video
    left join lateral (
        select metric.*
        from comet_video_metrics as metric
        where metric.user_id = %(user_id)s::text and metric.video_id = video.video_id
        order by metric.observed_at desc
        limit 1
    ) as latest on true
),

hashtags as (
    select
        hashtag,
        count(distinct recorded_date) as date_count,
        count(distinct video_id) as video_count,
        min(recorded_date) as first_date,
        max(recorded_date) as last_date
    from discoveries
    group by hashtag
    order by date_count desc, hashtag asc
    limit 200
),

handles as (
    select
        handle,
        first_seen_at
    from comet_handles
    where user_id = %(user_id)s::text
    order by first_seen_at desc, handle asc
    limit 200
)

select
    to_jsonb(creator) as creator,
    selected.recorded_date,
    (
        select max(own_dates.recorded_date)
        from own_dates
        where own_dates.recorded_date < selected.recorded_date
    ) as previous_date,
    (
        select min(own_dates.recorded_date)
        from own_dates
        where own_dates.recorded_date > selected.recorded_date
    ) as next_date,
    (select to_jsonb(figures) from figures) as figures,
    (select to_jsonb(places) from places) as places,
    (
        select to_jsonb(made)
        from comet_dates as made
        where made.recorded_date = selected.recorded_date and made.score_weights is not null
    ) as made,
    (
        select coalesce(jsonb_agg(to_jsonb(scored) order by scored.weight desc, scored.part asc), '[]')
        from comet_score_parts as scored
        where scored.recorded_date = selected.recorded_date and scored.user_id = %(user_id)s::text
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
    (select count(*) from qualifying_videos) as video_count,
    (
        select coalesce(jsonb_agg(to_jsonb(hashtags) order by hashtags.date_count desc, hashtags.hashtag asc), '[]')
        from hashtags
    ) as hashtags,
    (
        select coalesce(jsonb_agg(to_jsonb(handles) order by handles.first_seen_at desc, handles.handle asc), '[]')
        from handles
    ) as handles
from creator
cross join selected
