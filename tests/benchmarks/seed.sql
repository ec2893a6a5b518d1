-- Purpose: the facts of one made-up date, as its run lands them: three pages of 20 videos for each hashtag, and the
-- profiles of a share of the tracked creators. All else is made of them by the steps of the Dag.
-- The numbers look random and are the same each time. A creator's number is in its id.
create schema if not exists benchmark;

-- A number from 0 to below 1 for a key; another salt gives another number.
create or replace function benchmark.fraction(number_key bigint, salt integer)
returns double precision
language sql
immutable
parallel safe
as $$
    select (hashint8extended(number_key, 20260630 + salt) & 9007199254740991) / 9007199254740992.0::double precision
$$;

create or replace function benchmark.user_id(creator_number bigint)
returns text
language sql
immutable
parallel safe
as $$
    select (6800000000000000000 + creator_number)::text
$$;

-- Most creators grow by less than a percent a day, some shrink, every fiftieth grows by three.
create or replace function benchmark.follower_count(creator_number bigint, day_number integer)
returns bigint
language sql
immutable
parallel safe
as $$
    select
        (
            10000 * exp(2.1 * benchmark.fraction(creator_number, 1))
            * exp(
                day_number * case
                    when mod(creator_number, 50) = 0 then 0.03
                    else 0.012 * power(benchmark.fraction(creator_number, 2), 3) - 0.002
                end
                + 0.01 * sin(day_number / (4 + 10 * benchmark.fraction(creator_number, 3)))
            )
        )::bigint
$$;

-- The page of hashtags reads what a report has counted; the newest run of the history is still at work.
insert into comet_runs (
    run_id, recorded_date, timezone, hashtags, min_followers, max_followers, min_video_views, pages_per_hashtag,
    page_size, publish_time_days, region, max_api_calls, is_refresh, is_live, accepted_at, report
)
select
    %(run_id)s as run_id,
    %(recorded_date)s::date as recorded_date,
    'UTC' as timezone,
    coalesce(array_agg(tag.hashtag), '{}') as hashtags,
    10000 as min_followers,
    100000 as max_followers,
    50000 as min_video_views,
    3 as pages_per_hashtag,
    20 as page_size,
    0 as publish_time_days,
    'US' as region,
    500000 as max_api_calls,
    false as is_refresh,
    %(is_live)s as is_live,
    %(recorded_date)s::date + interval '2 hours' as accepted_at,
    case
        when %(is_reported)s
            then jsonb_build_object(
                'received_count', 60 * count(*),
                'landed_count', 60 * count(*),
                'rejected_count', 0,
                'comet_count', 20 * count(*),
                'new_comet_count', count(*),
                'call_count', 3 * count(*) + %(creators)s,
                'billed_count', 3 * count(*) + %(creators)s,
                'stop_reasons', '[]'::jsonb,
                'hashtags', jsonb_agg(
                    jsonb_build_object(
                        'hashtag', tag.hashtag,
                        'received_count', 60,
                        'landed_count', 60,
                        'rejected_count', 0,
                        'video_count', 50,
                        'tagged_count', 40,
                        'comet_count', 20,
                        'new_comet_count', 1,
                        'new_tagged_comet_count', 1,
                        'call_count', 3,
                        'billed_count', 3
                    )
                )
            )
    end as report
from (
    select 'topic' || lpad(number::text, 3, '0') as hashtag
    from generate_series(1, %(hashtags)s) as number
) as tag;

insert into comet_searches (
    recorded_date, hashtag, region, publish_time_days, run_id, round_number, next_offset, stop_reason
)
select
    run.recorded_date,
    tag.hashtag,
    run.region,
    run.publish_time_days,
    run.run_id,
    1 as round_number,
    60 as next_offset,
    'exhausted' as stop_reason
from comet_runs as run
cross join lateral unnest(run.hashtags) as tag (hashtag)
where run.run_id = %(run_id)s;

insert into comet_pages (
    search_id, round_number, run_id, page_offset, page_size, next_offset, received_count, landed_count, rejected_count,
    observed_at
)
select
    search.search_id,
    1 as round_number,
    search.run_id,
    page_number * 20 as page_offset,
    20 as page_size,
    page_number * 20 + 20 as next_offset,
    20 as received_count,
    20 as landed_count,
    0 as rejected_count,
    search.recorded_date + interval '2 hours 10 minutes' as observed_at
from comet_searches as search
cross join generate_series(0, 2) as page_number
where search.run_id = %(run_id)s
order by search.search_id, page_number;

-- Videos were published in the week before, so that many are seen on several dates and for several hashtags. Every fifth
-- is by an author who is not tracked, a few creators have very many. On the first date each creator has one more, with
-- enough views and a count in the band: so all of them are tracked from then on.
insert into comet_videos (
    page_id, item_position, recorded_date, observed_at, observed_date, video_id, published_at, caption, play_count,
    like_count, comment_count, share_count, save_count, is_tagged, user_id, handle, nickname, follower_count
)
with places as (
    select
        page.page_id,
        item_position,
        page.observed_at,
        page.page_id * 100 + item_position as place_key,
        floor(7 * benchmark.fraction(page.page_id * 100 + item_position, 4))::integer as age_days
    from comet_pages as page
    cross join generate_series(0, 19) as item_position
    where page.run_id = %(run_id)s
),

-- About 1.8 sightings per video.
found as (
    select
        *,
        (%(day_number)s - age_days + 400) * 1000000::bigint
        + floor(%(hashtags)s * 60 / 1.8 * benchmark.fraction(place_key, 5))::bigint as video_number
    from places
),

authored as (
    select
        *,
        case
            when benchmark.fraction(video_number, 6) < 0.005 then 1 + floor(20 * benchmark.fraction(video_number, 7))
            when benchmark.fraction(video_number, 6) < 0.2
                then %(creators)s + 1 + floor(3 * %(creators)s * benchmark.fraction(video_number, 7))
            else 1 + floor(%(creators)s * benchmark.fraction(video_number, 7))
        end::bigint as author_number,
        least(50000000, 4000 / (0.00001 + benchmark.fraction(video_number, 8)) * (0.4 + 0.1 * age_days))::bigint
            as play_count,
        benchmark.fraction(place_key, 9) < 0.5 as has_count
    from found
    union all
    select
        pages.page_id,
        20 + creator_number as item_position,
        pages.observed_at,
        creator_number as place_key,
        0 as age_days,
        creator_number as video_number,
        creator_number as author_number,
        60000 as play_count,
        true as has_count
    from (
        select
            page_id,
            observed_at,
            row_number() over (order by page_id) - 1 as place
        from comet_pages
        where run_id = %(run_id)s
    ) as pages
    inner join generate_series(1, %(creators)s) as creator_number on pages.place = mod(creator_number, 3 * %(hashtags)s)
    where %(day_number)s = 0
)

select
    page_id,
    item_position,
    %(recorded_date)s::date as recorded_date,
    observed_at,
    %(recorded_date)s::date as observed_date,
    (7000000000000000000 + video_number)::text as video_id,
    %(recorded_date)s::date - age_days - interval '3 hours' as published_at,
    'A day in the life, part ' || video_number as caption,
    play_count,
    (play_count * (0.02 + 0.1 * benchmark.fraction(video_number, 10)))::bigint as like_count,
    play_count / 400 as comment_count,
    play_count / 300 as share_count,
    play_count / 350 as save_count,
    benchmark.fraction(place_key, 11) < 0.8 as is_tagged,
    benchmark.user_id(author_number) as user_id,
    (array['amber', 'brisk', 'calm', 'dusty', 'early'])[1 + mod(author_number, 5)] || '.'
    || (array['acorn', 'badger', 'comet', 'dune', 'otter', 'river', 'zephyr'])[1 + mod(author_number, 7)]
    || author_number as handle,
    'Number ' || author_number as nickname,
    case when has_count then benchmark.follower_count(author_number, %(day_number)s) end as follower_count
from authored
order by page_id, item_position;

-- One profile in a hundred could not be read.
insert into comet_profiles (
    recorded_date, run_id, asked_id, user_id, outcome, observed_at, observed_date, handle, nickname, follower_count,
    heart_count, video_count
)
with answers as (
    select
        user_id,
        handle,
        nickname,
        right(user_id, 12)::bigint as number,
        benchmark.fraction(right(user_id, 12)::bigint * 1000 + %(day_number)s, 12) >= 0.01 as is_found
    from creators
    where benchmark.fraction(right(user_id, 12)::bigint, 13) < %(share)s
)

select
    %(recorded_date)s::date as recorded_date,
    %(run_id)s as run_id,
    user_id as asked_id,
    user_id,
    case when is_found then 'found' else 'failed' end as outcome,
    %(recorded_date)s::date + interval '2 hours 30 minutes' as observed_at,
    %(recorded_date)s::date as observed_date,
    handle,
    nickname,
    case when is_found then benchmark.follower_count(number, %(day_number)s) end as follower_count,
    case when is_found then benchmark.follower_count(number, %(day_number)s) * 20 + %(day_number)s end as heart_count,
    case when is_found then 40 + mod(number, 300) + %(day_number)s / 3 end as video_count
from answers
order by user_id;

insert into comet_calls (
    run_id, clear_number, route, hashtag, page_offset, reserved_at, started_at, finished_at, duration_ms, status_code,
    is_billed
)
select
    page.run_id,
    0 as clear_number,
    '/api/v1/tiktok/app/v3/fetch_video_search_result' as route,
    search.hashtag,
    page.page_offset,
    page.observed_at as reserved_at,
    page.observed_at as started_at,
    page.observed_at + interval '1 second' as finished_at,
    1000 as duration_ms,
    200 as status_code,
    true as is_billed
from comet_pages as page
inner join comet_searches as search on page.search_id = search.search_id
where page.run_id = %(run_id)s;
