-- Return the Comets of the latest run of the newest published date, fastest first; before any date is published, of the
-- newest accepted run.
-- Grain: one row; entries has at most 500.
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

comets as (
    select
        discovery.user_id,
        max(discovery.follower_count) as found_follower_count,
        max(discovery.play_count) as play_count,
        jsonb_agg(distinct discovery.hashtag) as hashtags
    from run
    inner join comet_run_discoveries as discovery on run.run_id = discovery.run_id
    group by discovery.user_id
),

entries as (
    select
        comets.user_id,
        comets.play_count,
        comets.hashtags,
        creator.handle,
        creator.nickname,
        coalesce(creator.found_by_run_id = run.run_id, false) as is_new,
        coalesce(score.follower_count, comets.found_follower_count) as follower_count,
        coalesce(score.basis, 'observed') as basis,
        score.daily_growth_followers,
        score.growth_rate,
        score.score,
        coalesce(score.is_low_confidence, false) as is_low_confidence,
        row_number() over (
            order by
                score.growth_rate desc nulls last,
                coalesce(score.follower_count, comets.found_follower_count) desc,
                comets.user_id asc
        ) as place
    from run
    cross join comets
    left join creators as creator on comets.user_id = creator.user_id
    left join comet_scores as score
        on run.recorded_date = score.recorded_date and comets.user_id = score.user_id
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
