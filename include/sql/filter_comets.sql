-- Purpose: find the Comets among what was landed for the run's date, by the run's criteria.
-- Inputs: comet_runs, comet_run_videos, comet_profiles. Output: comet_run_discoveries, comet_discoveries.
-- Grain: one row per creator, video that proves it, and hashtag.
-- Idempotent: the run's own findings are stated anew; what a date has discovered is united over all of its runs and
-- never withdrawn. A run that was not accepted finds nothing.

-- The database ends a statement, or its waiting for a lock, before Airflow ends the task.
select
    set_config('statement_timeout', %(statement_timeout)s, true) as statement_timeout,
    set_config('lock_timeout', %(lock_timeout)s, true) as lock_timeout;

-- A creator who is being erased meanwhile must not come back out of rows that were read before.
select pg_advisory_xact_lock_shared(hashtextextended('comet_discovery landing', 0));

delete from comet_run_discoveries
where run_id = %(run_id)s;

insert into comet_run_discoveries (run_id, user_id, video_id, hashtag, follower_count, play_count, found_at)
with landed as (
    select *
    from comet_run_videos
    where run_id = %(run_id)s
),

counts_in_search as (
    select distinct on (search_id, user_id)
        search_id,
        user_id,
        follower_count,
        observed_at
    from landed
    where follower_count is not null
    order by search_id asc, user_id asc, observed_at desc, page_id desc, item_position desc
),

counts_in_profile as (
    select distinct on (profile.user_id)
        profile.user_id,
        profile.follower_count,
        profile.observed_at
    from comet_runs as run
    inner join comet_profiles as profile on run.recorded_date = profile.recorded_date
    where run.run_id = %(run_id)s and profile.follower_count is not null and not profile.is_discarded
    order by profile.user_id asc, profile.observed_at desc, profile.item_id desc
),

-- A run of a past date does not ask for an author who has answered since; the first such answer is what it would have
-- been told. It stays the first whatever is read later, so that the same run made again finds the same.
authors_not_asked as (
    select distinct
        landed.user_id,
        run.recorded_date::timestamp at time zone run.timezone as day_start_at
    from landed
    inner join comet_runs as run on landed.run_id = run.run_id
    left join counts_in_search
        on landed.search_id = counts_in_search.search_id and landed.user_id = counts_in_search.user_id
    left join comet_profiles as own
        on run.recorded_date = own.recorded_date and landed.user_id = own.user_id and not own.is_discarded
    where
        landed.is_qualifying
        and not run.is_live
        and not run.is_refresh
        and counts_in_search.user_id is null
        and own.item_id is null
),

counts_since as (
    select
        author.user_id,
        first_answer.follower_count,
        first_answer.observed_at
    from authors_not_asked as author
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

judged as (
    select
        landed.run_id,
        landed.user_id,
        landed.video_id,
        landed.hashtag,
        landed.play_count,
        coalesce(
            counts_in_search.follower_count, counts_in_profile.follower_count, counts_since.follower_count
        ) as follower_count,
        greatest(
            landed.observed_at,
            coalesce(counts_in_search.observed_at, counts_in_profile.observed_at, counts_since.observed_at)
        ) as found_at
    from landed
    left join counts_in_search
        on landed.search_id = counts_in_search.search_id and landed.user_id = counts_in_search.user_id
    left join counts_in_profile on landed.user_id = counts_in_profile.user_id
    left join counts_since on landed.user_id = counts_since.user_id
    where landed.is_qualifying
)

select
    judged.run_id,
    judged.user_id,
    judged.video_id,
    judged.hashtag,
    judged.follower_count,
    max(judged.play_count) as play_count,
    min(judged.found_at) as found_at
from judged
inner join comet_runs as run on judged.run_id = run.run_id
where judged.follower_count between run.min_followers and run.max_followers
group by judged.run_id, judged.user_id, judged.video_id, judged.hashtag, judged.follower_count
order by judged.user_id, judged.video_id, judged.hashtag;

insert into comet_discoveries as known (
    recorded_date, user_id, video_id, hashtag, follower_count, play_count, max_followers, found_at
)
select
    run.recorded_date,
    found.user_id,
    found.video_id,
    found.hashtag,
    found.follower_count,
    found.play_count,
    run.max_followers,
    found.found_at
from comet_runs as run
inner join comet_run_discoveries as found on run.run_id = found.run_id
where run.run_id = %(run_id)s
order by found.user_id, found.video_id, found.hashtag
on conflict (recorded_date, user_id, video_id, hashtag) do update set
    max_followers = greatest(known.max_followers, excluded.max_followers),
    found_at = least(known.found_at, excluded.found_at)
where excluded.max_followers > known.max_followers or excluded.found_at < known.found_at
