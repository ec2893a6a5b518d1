-- Plan the profiles that a run fetches, in batches: the Comets of its date first, then the other creators, the least
-- recently fetched first, so that a budget that is too small reaches each in turn. Missing creators are fetched weekly.
-- Grain: one row per creator. Left out: creators with an answer, and imported rows without a TikTok id.
-- Idempotent: planned creators keep their batch; new ones are added.
insert into comet_roll_call (run_id, user_id, batch_number)
with run as (
    select *
    from comet_runs
    where run_id = %(run_id)s
),

planned as (
    select
        user_id,
        batch_number
    from comet_roll_call
    where run_id = %(run_id)s
),

comets as (
    select distinct discovery.user_id
    from run
    inner join comet_discoveries as discovery on run.recorded_date = discovery.recorded_date
),

members as (
    select
        creator.user_id,
        comets.user_id is not null as is_comet,
        last_answer.observed_at as last_fetched_at
    from run
    cross join creators as creator
    left join planned on creator.user_id = planned.user_id
    left join comets on creator.user_id = comets.user_id
    left join lateral (
        select profile.observed_at
        from comet_profiles as profile
        where profile.user_id = creator.user_id
        order by profile.observed_at desc
        limit 1
    ) as last_answer on true
    left join lateral (
        select landed.user_id
        from comet_run_answers as landed
        where landed.run_id = run.run_id and landed.user_id = creator.user_id
        order by landed.user_id
        limit 1
    ) as answer on true
    where
        planned.user_id is null
        and answer.user_id is null
        and creator.is_identified
        and (
            creator.status <> 'missing'
            or comets.user_id is not null
            or run.is_refresh
            or (last_answer.observed_at at time zone run.timezone)::date <= run.recorded_date - 7
        )
),

ordered as (
    select
        user_id,
        row_number() over (order by is_comet desc, last_fetched_at asc nulls first, user_id asc) - 1 as place,
        count(*) over () as member_count
    from members
),

batches as (
    select
        last_number,
        greatest(%(max_batches)s - last_number, 1) as free_count
    from (select coalesce(max(batch_number), 0) as last_number from planned) as numbers
)

-- Airflow limits the mapped tasks: without a free batch, new creators go into the last one.
select
    %(run_id)s as run_id,
    ordered.user_id,
    least(
        batches.last_number
        + ordered.place / greatest(
            %(batch_size)s::bigint, (ordered.member_count + batches.free_count - 1) / batches.free_count
        ) + 1,
        greatest(batches.last_number, %(max_batches)s)
    ) as batch_number
from ordered
cross join batches
order by batch_number, ordered.user_id
