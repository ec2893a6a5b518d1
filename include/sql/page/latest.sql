-- Purpose: the Comets found for the newest date that was run, by the latest run of it, fastest first. Until a date was
-- run, the newest one that a run was accepted for.
-- Inputs: comet_runs, comet_dates, comet_run_discoveries, creators, comet_scores.
-- Grain: one row; entries has one per Comet, 500 at most. Idempotent: it only reads.
with run as (
    select
        accepted.run_id,
        accepted.recorded_date,
        accepted.accepted_at,
        accepted.hashtags,
        accepted.is_live
    from comet_runs as accepted
    left join comet_dates as run_date on accepted.recorded_date = run_date.recorded_date and run_date.is_run
    order by
        run_date.recorded_date is not null desc,
        accepted.recorded_date desc,
        accepted.accepted_at desc,
        accepted.run_id asc
    limit 1
),

found as (
    select
        own.user_id,
        max(own.follower_count) as found_follower_count,
        max(own.play_count) as play_count,
        jsonb_agg(distinct own.hashtag) as hashtags
    from run
    inner join comet_run_discoveries as own on run.run_id = own.run_id
    group by own.user_id
),

entries as (
    select
        found.user_id,
        found.play_count,
        found.hashtags,
        creator.handle,
        creator.nickname,
        coalesce(creator.found_by_run_id = run.run_id, false) as is_new,
        coalesce(figures.follower_count, found.found_follower_count) as follower_count,
        coalesce(figures.basis, 'observed') as basis,
        figures.daily_growth_followers,
        figures.growth_rate,
        figures.score,
        coalesce(figures.is_low_confidence, false) as is_low_confidence,
        row_number() over (
            order by
                figures.growth_rate desc nulls last,
                coalesce(figures.follower_count, found.found_follower_count) desc,
                found.user_id asc
        ) as place
    from run
    cross join found
    left join creators as creator on found.user_id = creator.user_id
    left join comet_scores as figures
        on run.recorded_date = figures.recorded_date and found.user_id = figures.user_id
)

select
    run.*,
    run_date.recorded_date is not null as is_date_recorded,
    (select count(*) from entries) as total_count,
    (select count(*) filter (where entries.is_new) from entries) as new_count,
    (
        select coalesce(jsonb_agg(to_jsonb(entries) order by entries.place), '[]')
        from entries
        where entries.place <= 500
    ) as entries
from run
left join comet_dates as run_date on run.recorded_date = run_date.recorded_date and run_date.is_run
