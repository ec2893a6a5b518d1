-- Find the Comets among what was landed for the run's date, by the run's criteria.
-- Grain: one row per creator, qualifying video and hashtag.
-- Idempotent: the run's own discoveries are replaced; the date's discoveries are a union over its runs.
select
    set_config('statement_timeout', %(statement_timeout)s, true) as statement_timeout,
    set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout;

-- An erasure waits, so that rows read here do not restore an erased creator.
lock table comet_locks in row share mode;

delete from comet_run_discoveries
where run_id = %(run_id)s;

insert into comet_run_discoveries (run_id, user_id, video_id, hashtag, follower_count, play_count, found_at)
with landed as (
    select *
    from comet_run_videos
    where run_id = %(run_id)s
),

search_counts as (
    select distinct on (search_id, user_id)
        search_id,
        user_id,
        follower_count,
        observed_at
    from landed
    where follower_count is not null
    order by search_id asc, user_id asc, observed_at desc, page_id desc, item_position desc
),

profile_counts as (
    select distinct on (profile.user_id)
        profile.user_id,
        profile.follower_count,
        profile.observed_at
    from comet_runs as run
    inner join comet_profiles as profile on run.recorded_date = profile.recorded_date
    where run.run_id = %(run_id)s and profile.follower_count is not null and not profile.is_discarded
    order by profile.user_id asc, profile.observed_at desc, profile.item_id desc
),

-- A replay uses the first answer since its date instead of a new call. Later answers do not change which one is first,
-- so a repeated run finds the same Comets.
authors_without_count as (
    select distinct
        landed.user_id,
        run.recorded_date::timestamp at time zone run.timezone as day_start_at
    from landed
    inner join comet_runs as run on landed.run_id = run.run_id
    left join search_counts
        on landed.search_id = search_counts.search_id and landed.user_id = search_counts.user_id
    left join comet_profiles as own
        on run.recorded_date = own.recorded_date and landed.user_id = own.user_id and not own.is_discarded
    where
        landed.is_qualifying
        and not run.is_live
        and not run.is_refresh
        and search_counts.user_id is null
        and own.item_id is null
),

later_counts as (
    select
        author.user_id,
        first_answer.follower_count,
        first_answer.observed_at
    from authors_without_count as author
    cross join lateral (
        select
            profile.follower_count,
            profile.observed_at
        from comet_profiles as profile
        where
            profile.user_id = author.user_id
            and profile.outcome in ('found', 'no_account')
            and not profile.is_discarded
            and profile.observed_at >= author.day_start_at
        order by profile.observed_at asc, profile.item_id asc
        limit 1
    ) as first_answer
),

candidates as (
    select
        landed.run_id,
        landed.user_id,
        landed.video_id,
        landed.hashtag,
        landed.play_count,
        coalesce(
            search_counts.follower_count, profile_counts.follower_count, later_counts.follower_count
        ) as follower_count,
        greatest(
            landed.observed_at,
            coalesce(search_counts.observed_at, profile_counts.observed_at, later_counts.observed_at)
        ) as found_at
    from landed
    left join search_counts
        on landed.search_id = search_counts.search_id and landed.user_id = search_counts.user_id
    left join profile_counts on landed.user_id = profile_counts.user_id
    left join later_counts on landed.user_id = later_counts.user_id
    where landed.is_qualifying
)

select
    candidates.run_id,
    candidates.user_id,
    candidates.video_id,
    candidates.hashtag,
    candidates.follower_count,
    max(candidates.play_count) as play_count,
    min(candidates.found_at) as found_at
from candidates
inner join comet_runs as run on candidates.run_id = run.run_id
where candidates.follower_count between run.min_followers and run.max_followers
group by candidates.run_id, candidates.user_id, candidates.video_id, candidates.hashtag, candidates.follower_count
order by candidates.user_id, candidates.video_id, candidates.hashtag;

insert into comet_discoveries as existing (
    recorded_date, user_id, video_id, hashtag, follower_count, play_count, max_followers, found_at
)
select
    run.recorded_date,
    discovery.user_id,
    discovery.video_id,
    discovery.hashtag,
    discovery.follower_count,
    discovery.play_count,
    run.max_followers,
    discovery.found_at
from comet_runs as run
inner join comet_run_discoveries as discovery on run.run_id = discovery.run_id
where run.run_id = %(run_id)s
order by discovery.user_id, discovery.video_id, discovery.hashtag
on conflict (recorded_date, user_id, video_id, hashtag) do update set
    max_followers = greatest(existing.max_followers, excluded.max_followers),
    found_at = least(existing.found_at, excluded.found_at)
where excluded.max_followers > existing.max_followers or excluded.found_at < existing.found_at
