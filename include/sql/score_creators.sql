-- Purpose: the figures and the comet score of each creator on the run's date, and on further dates whose facts have
-- changed, the newest first. No more than 60 dates, and no further one after half a million rows, so that the history
-- of an upgraded installation fits into the task's time; the others are left to the runs after this one.
-- Inputs: comet_runs, comet_run_dates, comet_stale_scores, comet_creator_metrics. Output: comet_scores,
-- comet_score_dates.
-- Grain: one row per creator and date with a snapshot.
-- Idempotent: scores are a function of the facts, the dates that were run and the weights. Only rows that differ are
-- written, so that a second run writes none. A run that was not accepted changes nothing.

-- The database ends a statement, or its waiting for a lock, before Airflow ends the task.
select
    set_config('statement_timeout', %(statement_timeout)s, true) as statement_timeout,
    set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout,
    -- Sorting a date of 100,000 creators on disk takes twice as long.
    set_config('work_mem', '64MB', true) as work_mem;

-- Runs take turns: the dates that this one scores are not changed meanwhile.
select pg_advisory_xact_lock(hashtextextended('comet_discovery', 0));

-- The run's own date is scored also when this step alone is repeated, with other weights for example.
insert into comet_stale_scores (recorded_date)
select run.recorded_date
from comet_runs as run
inner join comet_run_dates as run_date on run.recorded_date = run_date.recorded_date
where run.run_id = %(run_id)s
on conflict (recorded_date) do nothing;

with queued as (
    select
        stale.recorded_date,
        row_number() over (
            order by stale.recorded_date = run.recorded_date desc, stale.recorded_date desc
        ) as place
    from comet_runs as run
    cross join comet_stale_scores as stale
    where run.run_id = %(run_id)s
    order by place
    limit 60
),

sized as (
    select
        queued.recorded_date,
        sum(stats.row_count) over (order by queued.place) - stats.row_count as rows_before
    from queued
    inner join lateral (
        select count(*) as row_count
        from creator_stats
        where creator_stats.recorded_date = queued.recorded_date
    ) as stats on true
),

chosen as materialized (
    select recorded_date
    from sized
    where rows_before < 500000
),

given as materialized (
    select %(score_weights)s::jsonb as weights
),

weighting as materialized (
    select
        weights,
        (weights ->> 'growth')::numeric as growth,
        (weights ->> 'acceleration')::numeric as acceleration,
        (weights ->> 'engagement')::numeric as engagement,
        (weights ->> 'reach')::numeric as reach,
        (weights ->> 'breakout')::numeric as breakout
    from given
),

-- Videos are deleted after a year or so, scores never: a date whose videos are gone keeps what was made of them.
kept_dates as materialized (
    select chosen.recorded_date
    from chosen
    where
        chosen.recorded_date - 30 <= (
            select (max(page.observed_at) at time zone 'UTC')::date
            from comet_pages as page
            where page.is_trimmed
        )
),

-- Date by date: `offset 0` keeps PostgreSQL from joining the view as a whole, after the metrics of all dates.
figures as (
    select
        metric.recorded_date,
        metric.user_id,
        metric.follower_count,
        metric.basis,
        metric.is_growth_estimated,
        metric.daily_growth_followers,
        metric.daily_growth_percent,
        metric.growth_1d_rate,
        metric.growth_7d_rate,
        metric.growth_30d_rate,
        metric.growth_1d_days,
        metric.growth_7d_days,
        metric.growth_30d_days,
        metric.is_growth_1d_estimated,
        metric.is_growth_7d_estimated,
        metric.is_growth_30d_estimated,
        metric.acceleration,
        metric.acceleration_days,
        coalesce(metric.growth_7d_rate, metric.growth_1d_rate) as growth,
        metric.acceleration / nullif(metric.follower_count, 0) as relative_acceleration,
        case when kept.user_id is null then metric.engagement_rate else kept.engagement_rate end as engagement_rate,
        case when kept.user_id is null then metric.view_follower_ratio else kept.view_follower_ratio end
            as view_follower_ratio,
        case when kept.user_id is null then metric.breakout_ratio else kept.breakout_ratio end as breakout_ratio,
        case when kept.user_id is null then metric.breakout_video_id else kept.breakout_video_id end
            as breakout_video_id,
        case when kept.user_id is null then metric.video_count else kept.video_count end as video_count,
        case when kept.user_id is null then metric.engagement_video_count else kept.engagement_video_count end
            as engagement_video_count,
        case when kept.user_id is null then metric.breakout_other_count else kept.breakout_other_count end
            as breakout_other_count
    from chosen
    inner join lateral (
        select of_the_date.*
        from comet_creator_metrics as of_the_date
        where of_the_date.recorded_date = chosen.recorded_date
        order by of_the_date.user_id
        offset 0
    ) as metric on true
    left join comet_scores as kept
        on
            metric.recorded_date = kept.recorded_date
            and metric.user_id = kept.user_id
            and kept.recorded_date = any(array(select kept_dates.recorded_date from kept_dates))
),

-- How many creators of the date have each part, how many of them less than this one, and how many no more than it.
-- Figures that agree in six significant digits are ties: more would rank noise.
counted as (
    select
        figures.*,
        count(figures.growth) over same_date as growth_peers,
        rank() over by_growth - 1 as growth_below,
        count(figures.growth) over by_growth as growth_up_to,
        count(figures.relative_acceleration) over same_date as acceleration_peers,
        rank() over by_acceleration - 1 as acceleration_below,
        count(figures.relative_acceleration) over by_acceleration as acceleration_up_to,
        count(figures.engagement_rate) over same_date as engagement_peers,
        rank() over by_engagement - 1 as engagement_below,
        count(figures.engagement_rate) over by_engagement as engagement_up_to,
        count(figures.view_follower_ratio) over same_date as reach_peers,
        rank() over by_reach - 1 as reach_below,
        count(figures.view_follower_ratio) over by_reach as reach_up_to,
        count(figures.breakout_ratio) over same_date as breakout_peers,
        rank() over by_breakout - 1 as breakout_below,
        count(figures.breakout_ratio) over by_breakout as breakout_up_to
    from figures
    window
        same_date as (partition by figures.recorded_date),
        by_growth as (partition by figures.recorded_date order by comet_six_digits(figures.growth)),
        by_acceleration as (
            partition by figures.recorded_date order by comet_six_digits(figures.relative_acceleration)
        ),
        by_engagement as (partition by figures.recorded_date order by comet_six_digits(figures.engagement_rate)),
        by_reach as (partition by figures.recorded_date order by comet_six_digits(figures.view_follower_ratio)),
        by_breakout as (partition by figures.recorded_date order by comet_six_digits(figures.breakout_ratio))
),

-- A percentile is the share of the creators with less, and half of those with the same, this one included.
ranked as (
    select
        counted.*,
        case
            when counted.growth is not null
                then (counted.growth_below + counted.growth_up_to)::double precision / (2 * counted.growth_peers)
        end as growth_percentile,
        case
            when counted.relative_acceleration is not null
                then
                    (counted.acceleration_below + counted.acceleration_up_to)::double precision
                    / (2 * counted.acceleration_peers)
        end as acceleration_percentile,
        case
            when counted.engagement_rate is not null
                then
                    (counted.engagement_below + counted.engagement_up_to)::double precision
                    / (2 * counted.engagement_peers)
        end as engagement_percentile,
        case
            when counted.view_follower_ratio is not null
                then (counted.reach_below + counted.reach_up_to)::double precision / (2 * counted.reach_peers)
        end as reach_percentile,
        case
            when counted.breakout_ratio is not null
                then (counted.breakout_below + counted.breakout_up_to)::double precision / (2 * counted.breakout_peers)
        end as breakout_percentile
    from counted
),

-- What is unknown adds nothing, and its weight falls to the other parts.
weighed as (
    select
        ranked.*,
        coalesce(weighting.growth * ranked.growth_percentile, 0)
        + coalesce(weighting.acceleration * ranked.acceleration_percentile, 0)
        + coalesce(weighting.engagement * ranked.engagement_percentile, 0)
        + coalesce(weighting.reach * ranked.reach_percentile, 0)
        + coalesce(weighting.breakout * ranked.breakout_percentile, 0) as points,
        case when ranked.growth_percentile is null then 0 else weighting.growth end
        + case when ranked.acceleration_percentile is null then 0 else weighting.acceleration end
        + case when ranked.engagement_percentile is null then 0 else weighting.engagement end
        + case when ranked.reach_percentile is null then 0 else weighting.reach end
        + case when ranked.breakout_percentile is null then 0 else weighting.breakout end as known_weight,
        weighting.growth
        + weighting.acceleration
        + weighting.engagement
        + weighting.reach
        + weighting.breakout as whole_weight,
        weighting.growth as growth_weight,
        weighting.engagement + weighting.reach + weighting.breakout as video_weight
    from ranked
    cross join weighting
),

-- Data are thin where the count is not observed, where growth rests on less than a week or the video parts on fewer
-- than three videos (as far as these parts weigh anything), and where the known parts carry less than 70 % of all
-- weights.
scored as materialized (
    select
        weighed.*,
        round((100 * weighed.points / nullif(weighed.known_weight, 0)::double precision)::numeric, 2) as score,
        weighed.basis <> 'observed'
        or (
            weighed.growth_weight > 0
            and coalesce(weighed.growth_7d_days, weighed.growth_1d_days, 0) < 7
        )
        or (weighed.video_weight > 0 and weighed.video_count < 3)
        or weighed.known_weight < 0.7 * weighed.whole_weight as is_low_confidence
    from weighed
),

written_scores as (
    insert into comet_scores as known (
        recorded_date,
        user_id,
        follower_count,
        basis,
        is_growth_estimated,
        daily_growth_followers,
        daily_growth_percent,
        growth_1d_rate,
        growth_7d_rate,
        growth_30d_rate,
        growth_1d_days,
        growth_7d_days,
        growth_30d_days,
        is_growth_1d_estimated,
        is_growth_7d_estimated,
        is_growth_30d_estimated,
        acceleration,
        acceleration_days,
        engagement_rate,
        view_follower_ratio,
        breakout_ratio,
        breakout_video_id,
        video_count,
        engagement_video_count,
        breakout_other_count,
        growth_percentile,
        acceleration_percentile,
        engagement_percentile,
        reach_percentile,
        breakout_percentile,
        score,
        is_low_confidence
    )
    select
        recorded_date,
        user_id,
        follower_count,
        basis,
        is_growth_estimated,
        daily_growth_followers,
        daily_growth_percent,
        growth_1d_rate,
        growth_7d_rate,
        growth_30d_rate,
        growth_1d_days,
        growth_7d_days,
        growth_30d_days,
        is_growth_1d_estimated,
        is_growth_7d_estimated,
        is_growth_30d_estimated,
        acceleration,
        acceleration_days,
        engagement_rate,
        view_follower_ratio,
        breakout_ratio,
        breakout_video_id,
        video_count,
        engagement_video_count,
        breakout_other_count,
        growth_percentile,
        acceleration_percentile,
        engagement_percentile,
        reach_percentile,
        breakout_percentile,
        score,
        is_low_confidence
    from scored
    order by recorded_date, user_id
    on conflict (recorded_date, user_id) do update set
        follower_count = excluded.follower_count,
        basis = excluded.basis,
        is_growth_estimated = excluded.is_growth_estimated,
        daily_growth_followers = excluded.daily_growth_followers,
        daily_growth_percent = excluded.daily_growth_percent,
        growth_1d_rate = excluded.growth_1d_rate,
        growth_7d_rate = excluded.growth_7d_rate,
        growth_30d_rate = excluded.growth_30d_rate,
        growth_1d_days = excluded.growth_1d_days,
        growth_7d_days = excluded.growth_7d_days,
        growth_30d_days = excluded.growth_30d_days,
        is_growth_1d_estimated = excluded.is_growth_1d_estimated,
        is_growth_7d_estimated = excluded.is_growth_7d_estimated,
        is_growth_30d_estimated = excluded.is_growth_30d_estimated,
        acceleration = excluded.acceleration,
        acceleration_days = excluded.acceleration_days,
        engagement_rate = excluded.engagement_rate,
        view_follower_ratio = excluded.view_follower_ratio,
        breakout_ratio = excluded.breakout_ratio,
        breakout_video_id = excluded.breakout_video_id,
        video_count = excluded.video_count,
        engagement_video_count = excluded.engagement_video_count,
        breakout_other_count = excluded.breakout_other_count,
        growth_percentile = excluded.growth_percentile,
        acceleration_percentile = excluded.acceleration_percentile,
        engagement_percentile = excluded.engagement_percentile,
        reach_percentile = excluded.reach_percentile,
        breakout_percentile = excluded.breakout_percentile,
        score = excluded.score,
        is_low_confidence = excluded.is_low_confidence
    where known is distinct from excluded
),

written_dates as (
    insert into comet_score_dates as known (recorded_date, version, weights, creator_count, peer_counts)
    select
        chosen.recorded_date,
        %(score_version)s::integer as version,
        weighting.weights,
        count(scored.user_id) as creator_count,
        jsonb_build_object(
            'growth', count(scored.growth),
            'acceleration', count(scored.relative_acceleration),
            'engagement', count(scored.engagement_rate),
            'reach', count(scored.view_follower_ratio),
            'breakout', count(scored.breakout_ratio)
        ) as peer_counts
    from chosen
    cross join weighting
    left join scored on chosen.recorded_date = scored.recorded_date
    group by chosen.recorded_date, weighting.weights
    on conflict (recorded_date) do update set
        version = excluded.version,
        weights = excluded.weights,
        creator_count = excluded.creator_count,
        peer_counts = excluded.peer_counts
    where known is distinct from excluded
),

-- Of creators who have no snapshot on the date any more: those whose history has moved to another key. They are few,
-- but PostgreSQL expects many, and would read the scores of all dates to find them by their key.
orphans as (
    select of_the_date.row_address
    from chosen
    inner join lateral (
        select
            score.user_id,
            score.ctid as row_address
        from comet_scores as score
        where score.recorded_date = chosen.recorded_date
        order by score.user_id
        offset 0
    ) as of_the_date on true
    left join comet_growth_bases as stats
        on
            of_the_date.user_id = stats.user_id
            and chosen.recorded_date = stats.recorded_date
            and stats.recorded_date = any(array(select other.recorded_date from chosen as other))
    where stats.user_id is null
),

deleted_scores as (
    delete from comet_scores
    where ctid = any(array(select orphans.row_address from orphans))
)

delete from comet_stale_scores
where recorded_date in (select chosen.recorded_date from chosen)
