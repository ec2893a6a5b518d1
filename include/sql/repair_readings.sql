-- Repair readings whose instant is more than a day in the future, which a wrong clock or TikHub's time_stamp has left:
-- the newest of all for decades, they keep a creator's old handle and hide its newer counts.
-- Execute it as the owner of the tables, with `make repair-readings`, `psql -f`, or in a hosted SQL editor. It names
-- the dates of the answers that it has corrected; the next run derives the other tables again.
-- Idempotent: without a reading in the future it changes nothing. It is one transaction.
begin;
set local client_min_messages = warning;
set local statement_timeout = 0;
set local lock_timeout = 0;

-- Wait for the steps of runs.
do $$
begin
    lock table comet_locks in share update exclusive mode;
    lock table comet_locks in exclusive mode;
end;
$$;

-- An answer was read when its call ended. Both are stored together, so the last answers belong to the last calls; a
-- failed profile belongs to its last failed call. An answer without a call was read when its run was accepted.
create temporary table comet_repaired_answers on commit drop as
with answers as (
    select
        page.page_id as answer_id,
        search.recorded_date,
        page.run_id,
        search.hashtag,
        page.page_offset,
        null as user_id,
        true as is_found,
        page.observed_at
    from comet_pages as page
    inner join comet_searches as search on page.search_id = search.search_id
    union all
    select
        item_id as answer_id,
        recorded_date,
        run_id,
        null as hashtag,
        null as page_offset,
        asked_id as user_id,
        outcome = 'found' as is_found,
        observed_at
    from comet_profiles
),

future_answers as (
    select run_id
    from answers
    where observed_at > now() + interval '1 day'
),

newest_run as (
    select timezone
    from comet_runs
    order by accepted_at desc
    limit 1
),

numbered_answers as (
    select
        *,
        row_number() over (
            partition by run_id, hashtag, page_offset, user_id, is_found
            order by answer_id desc
        ) as place
    from answers
    where run_id in (select future_answers.run_id from future_answers)
),

numbered_calls as (
    select
        *,
        row_number() over (
            partition by run_id, hashtag, page_offset, user_id, is_found
            order by call_id desc
        ) as place
    from (
        select
            call_id,
            run_id,
            case when user_id is null then hashtag end as hashtag,
            page_offset,
            user_id,
            error_type is null as is_found,
            finished_at
        from comet_calls
        where status_code = 200 or error_type is not null
    ) as calls
)

select
    answer.answer_id,
    answer.user_id is not null as is_profile,
    answer.recorded_date,
    coalesce(run.timezone, newest_run.timezone, 'UTC') as timezone,
    least(
        coalesce(call.finished_at, run.accepted_at, (answer.recorded_date + time '12:00') at time zone 'UTC'), now()
    ) as observed_at
from numbered_answers as answer
left join numbered_calls as call
    on
        answer.run_id = call.run_id
        and answer.hashtag is not distinct from call.hashtag
        and answer.page_offset is not distinct from call.page_offset
        and answer.user_id is not distinct from call.user_id
        and answer.is_found = call.is_found
        and answer.place = call.place
left join comet_runs as run on answer.run_id = run.run_id
left join newest_run on true
where answer.observed_at > now() + interval '1 day';

-- Unsettled creators get their whole history and every attribute from their readings in the next run.
update creators as creator
set
    is_settled = false,
    last_updated_at = case when last_updated_at <= now() + interval '1 day' then last_updated_at end,
    handle_observed_at = case when handle_observed_at <= now() + interval '1 day' then handle_observed_at end,
    nickname_observed_at = case when nickname_observed_at <= now() + interval '1 day' then nickname_observed_at end,
    avatar_url_observed_at = case
        when avatar_url_observed_at <= now() + interval '1 day' then avatar_url_observed_at
    end,
    signature_observed_at = case when signature_observed_at <= now() + interval '1 day' then signature_observed_at end,
    sec_uid_observed_at = case when sec_uid_observed_at <= now() + interval '1 day' then sec_uid_observed_at end
where
    greatest(
        first_found_at, last_updated_at, handle_observed_at, nickname_observed_at, avatar_url_observed_at,
        signature_observed_at, sec_uid_observed_at
    ) > now() + interval '1 day'
    or user_id in (
        select video.user_id
        from comet_videos as video
        where video.observed_at > now() + interval '1 day'
        union
        select profile.user_id
        from comet_profiles as profile
        where profile.observed_at > now() + interval '1 day'
        union
        select stats.user_id
        from creator_stats as stats
        where stats.counted_at > now() + interval '1 day'
        union
        select discovery.user_id
        from comet_discoveries as discovery
        where discovery.found_at > now() + interval '1 day'
    );

update comet_pages as page
set observed_at = answer.observed_at
from comet_repaired_answers as answer
where page.page_id = answer.answer_id and not answer.is_profile;

update comet_videos as video
set
    observed_at = page.observed_at,
    observed_date = (page.observed_at at time zone coalesce(run.timezone, 'UTC'))::date
from comet_pages as page
left join comet_runs as run on page.run_id = run.run_id
where video.page_id = page.page_id and video.observed_at > now() + interval '1 day';

update comet_profiles as profile
set
    observed_at = answer.observed_at,
    observed_date = (answer.observed_at at time zone answer.timezone)::date
from comet_repaired_answers as answer
where profile.item_id = answer.answer_id and answer.is_profile;

-- A discovery is made by the later of two answers: the first one with the video, and the last one with the count.
update comet_run_discoveries as discovery
set found_at = coalesce(greatest(video.seen_at, coalesce(search_count.counted_at, profile_count.counted_at)), now())
from comet_runs as run
left join (
    select
        run_id,
        hashtag,
        user_id,
        video_id,
        min(observed_at) as seen_at
    from comet_run_videos
    where is_qualifying
    group by run_id, hashtag, user_id, video_id
) as video on run.run_id = video.run_id
left join (
    select
        run_id,
        hashtag,
        user_id,
        max(observed_at) as counted_at
    from comet_run_videos
    where follower_count is not null
    group by run_id, hashtag, user_id
) as search_count
    on
        video.run_id = search_count.run_id
        and video.hashtag = search_count.hashtag
        and video.user_id = search_count.user_id
left join (
    select
        recorded_date,
        user_id,
        max(observed_at) as counted_at
    from comet_profiles
    where follower_count is not null and not is_discarded
    group by recorded_date, user_id
) as profile_count on run.recorded_date = profile_count.recorded_date and video.user_id = profile_count.user_id
where
    discovery.found_at > now() + interval '1 day'
    and run.run_id = discovery.run_id
    and video.hashtag = discovery.hashtag
    and video.user_id = discovery.user_id
    and video.video_id = discovery.video_id;

update comet_discoveries as discovery
set
    found_at = coalesce(
        (
            select min(own.found_at)
            from comet_runs as run
            inner join comet_run_discoveries as own on run.run_id = own.run_id
            where
                run.recorded_date = discovery.recorded_date
                and own.hashtag = discovery.hashtag
                and own.user_id = discovery.user_id
                and own.video_id = discovery.video_id
        ),
        now()
    )
where discovery.found_at > now() + interval '1 day';

with found as (
    select
        discovery.user_id,
        min(discovery.found_at) as first_found_at,
        max(run.timezone) as timezone
    from comet_discoveries as discovery
    left join comet_runs as run on discovery.recorded_date = run.recorded_date
    group by discovery.user_id
)

update creators as creator
set
    first_found_at = found.first_found_at,
    tracked_since = (found.first_found_at at time zone coalesce(found.timezone, 'UTC'))::date
from found
where
    creator.user_id = found.user_id
    and not creator.is_settled
    and creator.first_found_at <> found.first_found_at;

-- The next run lowers it to the first reading with the handle.
update comet_handles
set first_seen_at = now()
where first_seen_at > now() + interval '1 day';

-- Estimates lie between observed rows, and record_growth derives them again. Imported rows have no instant.
delete from creator_stats as stats
using creators as creator
where
    stats.user_id = creator.user_id
    and not creator.is_settled
    and (stats.basis <> 'observed' or stats.counted_at > now() + interval '1 day');

delete from comet_dates as date
where
    date.recorded_date > (now() + interval '1 day')::date
    and not date.is_run
    and not exists (
        select 1
        from creator_stats as stats
        where stats.recorded_date = date.recorded_date
    );

select
    recorded_date,
    count(*) as repaired_answers
from comet_repaired_answers
group by recorded_date
order by recorded_date;

commit;
