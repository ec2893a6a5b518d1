-- Return the date of a run, and what it fetched and re-used, in counts.
with run as (
    select *
    from comet_runs
    where run_id = %(run_id)s
),

called_searches as (
    select distinct call.hashtag
    from run
    inner join comet_calls as call on run.run_id = call.run_id
    where call.hashtag = any(run.hashtags) and call.user_id is null
),

-- A hashtag whose search failed from the start is neither made nor re-used.
reused_searches as (
    select search.hashtag
    from run
    inner join comet_searches as search
        on
            run.recorded_date = search.recorded_date
            and run.region = search.region
            and run.publish_time_days = search.publish_time_days
            and search.hashtag = any(run.hashtags)
    left join called_searches on search.hashtag = called_searches.hashtag
    where search.stop_reason is not null and called_searches.hashtag is null
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

-- A replay does not plan creators with an answer from another run.
planned_or_answered as (
    select member.user_id
    from comet_roll_call as member
    inner join creators as creator on member.user_id = creator.user_id
    where member.run_id = %(run_id)s
    union
    select answer.user_id
    from run
    cross join creators as creator
    cross join lateral (
        select landed.user_id
        from comet_run_answers as landed
        where landed.run_id = run.run_id and landed.user_id = creator.user_id
        order by landed.user_id
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
            else 'skipped'
        end as outcome
    from planned_or_answered
    left join own_answers on planned_or_answered.user_id = own_answers.user_id
    left join lateral (
        select landed.user_id
        from comet_run_answers as landed
        where landed.run_id = %(run_id)s and landed.user_id = planned_or_answered.user_id
        order by landed.user_id
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
        count(*) filter (where outcome = 'skipped') as not_asked_count
    from members
),

statuses as (
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
    (select count(*) from called_searches) as made_search_count,
    (select count(*) from reused_searches) as reused_search_count,
    roll_call.*,
    statuses.*
from run
cross join roll_call
cross join statuses
