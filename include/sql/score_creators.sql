-- Score the creators of the run's date and store their ranking.
-- Grain: one row per creator of the ranking.
-- Idempotent: the same facts and weights write nothing; other ones replace the ranking and its scored_at. A date whose
-- videos were trimmed keeps the ranking that it has.
select
    set_config('statement_timeout', %(statement_timeout)s, true) as statement_timeout,
    set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout,
    -- Enough to sort a date of a million creators in memory.
    set_config('work_mem', '256MB', true) as work_mem,
    set_config('enable_memoize', 'off', true) as enable_memoize,
    set_config('jit', 'off', true) as jit;

-- Runs take turns, so that the facts do not change meanwhile.
lock table comet_locks in share update exclusive mode;

with run as materialized (
    select date.recorded_date
    from comet_runs as run
    inner join comet_dates as date on run.recorded_date = date.recorded_date and date.is_run
    where
        run.run_id = %(run_id)s
        and (
            date.score_weights is null
            or not exists (
                select 1
                from comet_dates as trimmed
                where trimmed.is_trimmed and trimmed.recorded_date >= date.recorded_date - 29
            )
        )
),

metrics as materialized (
    select
        metric.*,
        creator.status = 'graduated' as is_graduated
    from comet_creator_metrics as metric
    inner join creators as creator on metric.user_id = creator.user_id and creator.status <> 'missing'
    where metric.recorded_date = (select run.recorded_date from run)
),

weights as materialized (
    select
        setting.key as part,
        setting.value::numeric as weight
    from jsonb_each_text(%(score_weights)s::jsonb) as setting
),

-- Values that agree in six significant digits are ties.
parts as (
    select
        metrics.user_id,
        metrics.is_graduated,
        part.name as part,
        comet_six_digits(part.value) as value
    from metrics
    inner join lateral (
        values
        ('growth', coalesce(metrics.growth_7d_rate, metrics.growth_1d_rate)),
        ('acceleration', metrics.acceleration / nullif(metrics.follower_count, 0)),
        ('engagement', metrics.engagement_rate),
        ('reach', metrics.view_follower_ratio),
        ('breakout', metrics.breakout_ratio)
    ) as part (name, value) on true
    where part.value is not null
),

-- Percentile: the share of the list's creators with a lower value, plus half of those with the same, this one included.
ranked as (
    select
        user_id,
        part,
        (rank() over by_value - 1 + count(*) over by_value)::numeric / (2 * count(*) over list) as percentile,
        count(*) over list as peer_count
    from parts
    window
        list as (partition by is_graduated, part),
        by_value as (partition by is_graduated, part order by value)
),

weighted as (
    select
        ranked.user_id,
        jsonb_object_agg(
            ranked.part,
            jsonb_build_object('percentile', ranked.percentile::double precision, 'peer_count', ranked.peer_count)
        ) as ranks,
        sum(weights.weight * ranked.percentile) as points,
        sum(weights.weight) as weight
    from ranked
    inner join weights on ranked.part = weights.part
    group by ranked.user_id
),

totals as materialized (
    select
        sum(weight) as weight,
        sum(weight) filter (where part = 'growth') as growth_weight,
        sum(weight) filter (where part in ('engagement', 'reach', 'breakout')) as video_weight
    from weights
),

-- Low confidence: the count is not measured, growth rests on less than a week, the video parts rest on fewer than three
-- videos, or the known parts carry less than 70 % of the weights.
scored as (
    select
        metrics.*,
        coalesce(weighted.ranks, '{}') as ranks,
        round(100 * weighted.points / nullif(weighted.weight, 0), 2) as score,
        metrics.basis <> 'observed'
        or (totals.growth_weight > 0 and coalesce(metrics.growth_7d_days, metrics.growth_1d_days, 0) < 7)
        or (totals.video_weight > 0 and metrics.video_count < 3)
        or coalesce(weighted.weight, 0) < 0.7 * totals.weight as is_low_confidence
    from metrics
    cross join totals
    left join weighted on metrics.user_id = weighted.user_id
),

unranked as (
    delete from comet_scores as score
    where
        score.recorded_date = (select run.recorded_date from run)
        and score.user_id not in (select metrics.user_id from metrics)
),

upserted as (
    insert into comet_scores as existing (
        recorded_date, user_id, is_graduated, counted_date, follower_count, basis,
        daily_growth_followers, daily_growth_percent, growth_rate, growth_1d_rate, growth_7d_rate, growth_30d_rate,
        growth_1d_days, growth_7d_days, growth_30d_days, is_growth_1d_estimated, is_growth_7d_estimated,
        is_growth_30d_estimated, acceleration, acceleration_days, engagement_rate, view_follower_ratio,
        breakout_ratio, breakout_video_id, video_count, engagement_video_count, breakout_other_count, ranks, score,
        is_low_confidence, scored_at
    )
    select
        recorded_date,
        user_id,
        is_graduated,
        counted_date,
        follower_count,
        basis,
        daily_growth_followers,
        daily_growth_percent,
        growth_rate,
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
        ranks,
        score,
        is_low_confidence,
        %(scored_at)s::timestamptz as scored_at
    from scored
    order by user_id
    on conflict (recorded_date, user_id) do update set
        (
            is_graduated, counted_date, follower_count, basis, daily_growth_followers,
            daily_growth_percent, growth_rate, growth_1d_rate, growth_7d_rate, growth_30d_rate, growth_1d_days,
            growth_7d_days, growth_30d_days, is_growth_1d_estimated, is_growth_7d_estimated,
            is_growth_30d_estimated, acceleration, acceleration_days, engagement_rate, view_follower_ratio,
            breakout_ratio, breakout_video_id, video_count, engagement_video_count, breakout_other_count, ranks,
            score, is_low_confidence, scored_at
        ) = row (
            excluded.is_graduated, excluded.counted_date, excluded.follower_count, excluded.basis,
            excluded.daily_growth_followers, excluded.daily_growth_percent,
            excluded.growth_rate, excluded.growth_1d_rate, excluded.growth_7d_rate, excluded.growth_30d_rate,
            excluded.growth_1d_days, excluded.growth_7d_days, excluded.growth_30d_days,
            excluded.is_growth_1d_estimated, excluded.is_growth_7d_estimated, excluded.is_growth_30d_estimated,
            excluded.acceleration, excluded.acceleration_days, excluded.engagement_rate,
            excluded.view_follower_ratio, excluded.breakout_ratio, excluded.breakout_video_id, excluded.video_count,
            excluded.engagement_video_count, excluded.breakout_other_count, excluded.ranks, excluded.score,
            excluded.is_low_confidence, excluded.scored_at
        )
    where to_jsonb(existing) - 'scored_at' is distinct from to_jsonb(excluded) - 'scored_at'
)

update comet_dates as date
set
    score_version = %(score_version)s,
    score_weights = %(score_weights)s::jsonb
from run
where
    date.recorded_date = run.recorded_date
    and (date.score_version, date.score_weights)
    is distinct from (%(score_version)s::integer, %(score_weights)s::jsonb)
