-- Purpose: land the facts of one made-up date: three pages of 20 videos per hashtag, and profiles of tracked creators.
-- Deterministic; a creator's number is in its id.
create schema if not exists benchmark;

-- A hash of key and salt in [0, 1).
create or replace function benchmark.fraction(number_key bigint, salt integer)
returns double precision
language sql
immutable
as $$
    select (hashint8extended(number_key, 20260630 + salt) & 9007199254740991) / 9007199254740992.0::double precision
$$;

-- Most creators grow by less than a percent a day, some shrink, every fiftieth grows by three percent.
create or replace function benchmark.follower_count(creator_number bigint, day_number integer)
returns bigint
language sql
immutable
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

-- The newest run has no report yet.
insert into comet_runs (
    run_id, recorded_date, timezone, hashtags, min_followers, max_followers, min_video_views, pages_per_hashtag,
    page_size, publish_time_days, region, max_api_calls, is_refresh, is_live, accepted_at, report
)
select
    %(run_id)s, %(recorded_date)s::date, 'UTC', coalesce(array_agg(tag.hashtag), '{}'), 10000, 100000, 50000, 3,
    20, 0, 'US', 500000, false, %(is_live)s, %(recorded_date)s::date + interval '2 hours',
    case when %(is_reported)s
        then '{"rejected_count": 0, "comet_count": 500, "new_comet_count": 5, "stop_reasons": []}'::jsonb
        || jsonb_build_object(
            'received_count', 60 * count(*),
            'landed_count', 60 * count(*),
            'call_count', 3 * count(*) + %(creators)s,
            'billed_count', 3 * count(*) + %(creators)s
        )
    end
from (
    select 'topic' || lpad(number::text, 3, '0') as hashtag
    from generate_series(1, %(hashtags)s) as number
) as tag;

insert into comet_hashtag_results (
    run_id, hashtag, video_count, tagged_count, new_comet_count, new_tagged_comet_count, call_count, billed_count
)
select run_id, unnest(hashtags), 50, 40, 1, 1, 3, 3
from comet_runs
where run_id = %(run_id)s and report is not null;

insert into comet_searches (
    recorded_date, hashtag, region, publish_time_days, run_id, attempt_number, next_offset, stop_reason
)
select run.recorded_date, tag.hashtag, run.region, run.publish_time_days, run.run_id, 1, 60, 'exhausted'
from comet_runs as run
cross join lateral unnest(run.hashtags) as tag (hashtag)
where run.run_id = %(run_id)s;

insert into comet_pages (
    search_id, attempt_number, run_id, page_offset, page_size, next_offset, received_count, landed_count, rejected_count,
    observed_at
)
select
    search_id, 1, run_id, page_number * 20, 20, page_number * 20 + 20, 20, 20, 0,
    recorded_date + interval '2 hours 10 minutes'
from comet_searches
cross join generate_series(0, 2) as page_number
where run_id = %(run_id)s
order by search_id, page_number;

-- Videos of the last week recur over dates and hashtags. Every fifth author is not tracked, a few have very many videos.
-- On the first date each creator has one more qualifying video, so that all are tracked from then on.
insert into comet_videos (
    page_id, item_position, recorded_date, observed_at, observed_date, video_id, published_at, caption, play_count,
    like_count, comment_count, share_count, save_count, is_tagged, user_id, handle, nickname, follower_count
)
with pages as (
    select
        page_id,
        observed_at,
        row_number() over (order by page_id) - 1 as place
    from comet_pages
    where run_id = %(run_id)s
),

places as (
    select
        page_id,
        observed_at,
        item_position,
        page_id * 100 + item_position as place_key,
        floor(7 * benchmark.fraction(page_id * 100 + item_position, 4))::integer as age_days
    from pages
    cross join generate_series(0, 19) as item_position
),

found as (
    select
        *,
        (%(day_number)s - age_days + 400) * 1000000::bigint
        + floor(%(hashtags)s * 60 / 1.8 * benchmark.fraction(place_key, 5))::bigint as video_number
    from places
),

authored as (
    select
        page_id,
        item_position,
        observed_at,
        place_key,
        age_days,
        video_number,
        case
            when benchmark.fraction(video_number, 6) < 0.005 then 1 + floor(20 * benchmark.fraction(video_number, 7))
            when benchmark.fraction(video_number, 6) < 0.2
                then %(creators)s + 1 + floor(3 * %(creators)s * benchmark.fraction(video_number, 7))
            else 1 + floor(%(creators)s * benchmark.fraction(video_number, 7))
        end::bigint as number,
        least(50000000, 4000 / (0.00001 + benchmark.fraction(video_number, 8)) * (0.4 + 0.1 * age_days))::bigint
            as play_count,
        benchmark.fraction(place_key, 9) < 0.5 as has_count
    from found
    union all
    select page_id, 20 + number, observed_at, number, 0, number, number, 60000, true
    from pages
    inner join generate_series(1, %(creators)s) as number on pages.place = mod(number, 3 * %(hashtags)s)
    where %(day_number)s = 0
)

select
    page_id, item_position, %(recorded_date)s::date, observed_at, %(recorded_date)s::date,
    (7000000000000000000 + video_number)::text,
    %(recorded_date)s::date - age_days - interval '3 hours',
    'A day in the life, part ' || video_number,
    play_count,
    (play_count * (0.02 + 0.1 * benchmark.fraction(video_number, 10)))::bigint,
    play_count / 400, play_count / 300, play_count / 350,
    benchmark.fraction(place_key, 11) < 0.8,
    (6800000000000000000 + number)::text,
    (array['amber.', 'brisk.', 'calm.', 'dusty.', 'early.'])[1 + mod(number, 5)]
    || (array['acorn', 'badger', 'comet', 'dune', 'otter', 'river', 'zephyr'])[1 + mod(number, 7)] || number,
    'Number ' || number,
    case when has_count then benchmark.follower_count(number, %(day_number)s) end
from authored
order by page_id, item_position;

insert into comet_profiles (
    recorded_date, run_id, asked_id, user_id, outcome, observed_at, observed_date, sec_uid, handle, nickname, avatar_url,
    signature, follower_count, heart_count, video_count
)
with answers as (
    select
        user_id,
        handle,
        nickname,
        benchmark.follower_count(right(user_id, 12)::bigint, %(day_number)s) as follower_count,
        benchmark.fraction(right(user_id, 12)::bigint * 1000 + %(day_number)s, 12) >= 0.01 as is_found
    from creators
    where benchmark.fraction(right(user_id, 12)::bigint, 13) < %(share)s
)

select
    %(recorded_date)s::date, %(run_id)s, user_id, user_id, case when is_found then 'found' else 'failed' end,
    %(recorded_date)s::date + interval '2 hours 30 minutes', %(recorded_date)s::date,
    'MS4wLjABAAAA' || md5(user_id) || md5(handle), handle, nickname,
    'https://images.sandbox.example/avatars/' || md5(nickname) || '~tplv-720x720.jpeg?x-expires=1780000000&x-signature=',
    'A made-up creator with a bio of usual length, new videos on two days of the week',
    case when is_found then follower_count end,
    case when is_found then follower_count * 20 + %(day_number)s end,
    case when is_found then 100 + %(day_number)s / 3 end
from answers
order by user_id;

insert into comet_roll_call (run_id, user_id, batch_number)
select run_id, user_id, row_number() over (order by user_id) / 50
from comet_profiles
where run_id = %(run_id)s and %(has_calls)s;

insert into comet_calls (
    run_id, run_attempt, route, hashtag, page_offset, user_id, reserved_at, started_at, finished_at, duration_ms,
    status_code, is_billed
)
select
    page.run_id, 0, '/api/v1/tiktok/app/v3/fetch_video_search_result', search.hashtag, page.page_offset, null,
    page.observed_at, page.observed_at, page.observed_at, 900, 200, true
from comet_pages as page
inner join comet_searches as search on page.search_id = search.search_id
where page.run_id = %(run_id)s and %(has_calls)s
union all
select
    run_id, 0, '/api/v1/tiktok/app/v3/handler_user_profile', null, null, user_id,
    observed_at, observed_at, observed_at, 700, 200, true
from comet_profiles
where run_id = %(run_id)s and %(has_calls)s;
