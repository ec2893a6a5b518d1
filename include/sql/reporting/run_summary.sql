-- Purpose: the date that a run owns, and whether it asked TikHub or re-used what was landed, in counts.
-- Inputs: comet_runs, comet_searches, comet_calls, comet_roll_call, comet_profiles, comet_run_answers, creators.
-- Grain: one row. Idempotent: it only reads.
with run as (
    select *
    from comet_runs
    where run_id = %(run_id)s
),

searched as (
    select distinct call.hashtag
    from run
    inner join comet_calls as call on run.run_id = call.run_id
    where call.hashtag = any(run.hashtags) and call.user_id is null
),

-- Whoever has landed them; a hashtag that could not be searched at all is neither made nor re-used.
reused as (
    select search.hashtag
    from run
    inner join comet_searches as search
        on
            run.recorded_date = search.recorded_date
            and run.region = search.region
            and run.publish_time_days = search.publish_time_days
            and search.hashtag = any(run.hashtags)
    left join searched on search.hashtag = searched.hashtag
    where search.stop_reason is not null and searched.hashtag is null
),

own_answers as (
    select
        profile.user_id,
        bool_or(profile.outcome = 'found') as is_read,
        bool_or(profile.outcome = 'no_account') as is_without_account
    from run
    inner join comet_profiles as profile
        on run.run_id = profile.run_id and run.recorded_date = profile.recorded_date
    group by profile.user_id
),

-- The run of a past date need not plan whom another run has answered for it already.
considered as (
    select member.user_id
    from comet_roll_call as member
    inner join creators as creator on member.user_id = creator.user_id
    where member.run_id = %(run_id)s
    union
    select answer.user_id
    from run
    cross join creators as creator
    cross join lateral (
        select known.user_id
        from comet_run_answers as known
        where known.run_id = run.run_id and known.user_id = creator.user_id
        order by known.user_id
        limit 1
    ) as answer
),

members as (
    select
        case
            when own_answers.is_read then 'read'
            when own_answers.is_without_account then 'no account'
            when own_answers.user_id is not null then 'unreachable'
            when answer.user_id is not null then 're-used'
            else 'not asked'
        end as outcome
    from considered
    left join own_answers on considered.user_id = own_answers.user_id
    left join lateral (
        select known.user_id
        from comet_run_answers as known
        where known.run_id = %(run_id)s and known.user_id = considered.user_id
        order by known.user_id
        limit 1
    ) as answer on true
),

roll_call as (
    select
        count(*) as member_count,
        count(*) filter (where outcome = 'read') as read_count,
        count(*) filter (where outcome = 're-used') as reused_count,
        count(*) filter (where outcome = 'unreachable') as unreachable_count,
        count(*) filter (where outcome = 'no account') as no_account_count,
        count(*) filter (where outcome = 'not asked') as not_asked_count
    from members
),

standing as (
    select
        count(*) as creator_count,
        count(*) filter (where status = 'graduated') as graduated_count,
        count(*) filter (where status = 'missing') as missing_count,
        count(*) filter (where not is_identified) as unidentified_count
    from creators
)

select
    run.recorded_date,
    run.is_live,
    run.is_refresh,
    run.max_api_calls,
    (select count(*) from searched) as made_search_count,
    (select count(*) from reused) as reused_search_count,
    roll_call.*,
    standing.*
from run
cross join roll_call
cross join standing
