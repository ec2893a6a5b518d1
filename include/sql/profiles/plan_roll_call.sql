-- Purpose: plan whose profile a run asks for, and in which batch: the Comets of its date first, then every tracked
-- creator, those asked for longest ago before the others, so that a budget that is too small reaches each in turn.
-- Inputs: comet_runs, creators, comet_discoveries, comet_profiles, comet_run_answers. Output: comet_roll_call.
-- Grain: one row per creator whom the run asks for; not those answered already, and weekly those that are missing.
-- A row of the original script without a TikTok id is left out: no answer could be recognised as that creator's.
-- Idempotent: a plan made again keeps the batches that there are and adds creators that have come since.
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
        last_question.observed_at as last_asked_at
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
    ) as last_question on true
    left join lateral (
        select known.user_id
        from comet_run_answers as known
        where known.run_id = run.run_id and known.user_id = creator.user_id
        order by known.user_id
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
            or (last_question.observed_at at time zone run.timezone)::date <= run.recorded_date - 7
        )
),

placed as (
    select
        user_id,
        row_number() over (order by is_comet desc, last_asked_at asc nulls first, user_id asc) - 1 as place,
        count(*) over () as member_count
    from members
),

batches as (
    select
        last_number,
        greatest(%(max_batches)s - last_number, 1) as free_count
    from (select coalesce(max(batch_number), 0) as last_number from planned) as numbers
)

-- Airflow maps no task over more: where none is free, those who have come since go into the last one.
select
    %(run_id)s as run_id,
    placed.user_id,
    least(
        batches.last_number
        + placed.place / greatest(
            %(batch_size)s::bigint, (placed.member_count + batches.free_count - 1) / batches.free_count
        ) + 1,
        greatest(batches.last_number, %(max_batches)s)
    ) as batch_number
from placed
cross join batches
order by batch_number, placed.user_id
