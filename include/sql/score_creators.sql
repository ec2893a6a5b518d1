-- Purpose: the ranking of the run's date: the figures and the comet score of each creator that has a place on it.
-- Inputs: comet_runs, comet_dates, comet_creator_metrics, creators. Output: comet_scores, comet_dates.
-- Grain: one row per creator of the ranking.
-- Idempotent: a statement made at a time. Made again from the same facts and weights it writes nothing, from others it
-- takes the place of the first, with another scored_at. A date that was not recorded has none; one whose videos are
-- deleted since keeps the one that it has.

-- The database ends a statement, or its waiting for a lock, before Airflow ends the task.
select
    set_config('statement_timeout', %(statement_timeout)s, true) as statement_timeout,
    set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout,
    -- As much as sorting a date of a million creators takes; of 100,000 it is a tenth.
    set_config('work_mem', '256MB', true) as work_mem,
    -- No creator is looked up twice.
    set_config('enable_memoize', 'off', true) as enable_memoize,
    set_config('jit', 'off', true) as jit;

-- Runs take turns: the facts are not changed meanwhile.
select pg_advisory_xact_lock(hashtextextended('comet_discovery', 0));

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

figures as materialized (
    select
        metric.*,
        creator.status = 'graduated' as is_graduated
    from comet_creator_metrics as metric
    inner join creators as creator on metric.user_id = creator.user_id and creator.status <> 'missing'
    where metric.recorded_date = (select run.recorded_date from run)
),

weights as materialized (
    select
        given.key as part,
        given.value::numeric as weight
    from jsonb_each_text(%(score_weights)s::jsonb) as given
),

-- What is unknown has no part in the score. Figures that agree in six significant digits are ties.
parts as (
    select
        figures.user_id,
        figures.is_graduated,
        part.name as part,
        comet_six_digits(part.value) as value
    from figures
    inner join lateral (
        values
        ('growth', coalesce(figures.growth_7d_rate, figures.growth_1d_rate)),
        ('acceleration', figures.acceleration / nullif(figures.follower_count, 0)),
        ('engagement', figures.engagement_rate),
        ('reach', figures.view_follower_ratio),
        ('breakout', figures.breakout_ratio)
    ) as part (name, value) on true
    where part.value is not null
),

-- A percentile is the share of the creators of the list with less, and half of those with the same, this one included.
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

weighed as (
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

whole as materialized (
    select
        sum(weight) as weight,
        sum(weight) filter (where part = 'growth') as growth_weight,
        sum(weight) filter (where part in ('engagement', 'reach', 'breakout')) as video_weight
    from weights
),

-- Data are thin where the count is not observed, where growth rests on less than a week or the video parts on fewer
-- than three videos (as far as these parts weigh anything), and where the known parts carry less than 70 % of all
-- weights.
scored as (
    select
        figures.*,
        coalesce(weighed.ranks, '{}') as ranks,
        round(100 * weighed.points / nullif(weighed.weight, 0), 2) as score,
        figures.basis <> 'observed'
        or (whole.growth_weight > 0 and coalesce(figures.growth_7d_days, figures.growth_1d_days, 0) < 7)
        or (whole.video_weight > 0 and figures.video_count < 3)
        or coalesce(weighed.weight, 0) < 0.7 * whole.weight as is_low_confidence
    from figures
    cross join whole
    left join weighed on figures.user_id = weighed.user_id
),

placeless as (
    delete from comet_scores as score
    where
        score.recorded_date = (select run.recorded_date from run)
        and score.user_id not in (select figures.user_id from figures)
),

written as (
    insert into comet_scores as known (
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
    where to_jsonb(known) - 'scored_at' is distinct from to_jsonb(excluded) - 'scored_at'
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
