-- Purpose: creators with made-up names. The first creator_count of them are tracked since before the first date,
-- newcomer_count more are found on one of its dates each; on the day after the one that was not run, if on that one.
insert into creators (
    user_id, handle, nickname, avatar_url, signature, last_updated_at, sec_uid, first_found_at, tracked_since,
    found_by_run_id, is_settled, handle_observed_at, nickname_observed_at, signature_observed_at, status
)
with words as (
    select
        array[
            'amber', 'brisk', 'calm', 'cozy', 'daily', 'dusty', 'early', 'fuzzy', 'gentle', 'golden', 'hidden', 'icy',
            'jolly', 'kind', 'lucky', 'merry', 'misty', 'noble', 'odd', 'plain', 'quiet', 'rapid', 'rusty', 'sandy',
            'silent', 'sunny', 'tiny', 'urban', 'velvet', 'wild'
        ] as adjectives,
        array[
            'acorn', 'badger', 'comet', 'dune', 'ember', 'falcon', 'garden', 'harbor', 'island', 'jungle', 'kettle',
            'lantern', 'meadow', 'nest', 'otter', 'pepper', 'quartz', 'river', 'saddle', 'tunnel', 'umbrella', 'valley',
            'willow', 'yarrow', 'zephyr'
        ] as nouns
),

named as (
    select
        number,
        adjectives[1 + floor(30 * benchmark.fraction(number, 10))::integer] as adjective,
        nouns[1 + floor(25 * benchmark.fraction(number, 11))::integer] as noun,
        case
            when number <= %(creator_count)s
                then %(first_date)s::date - 1 - floor(200 * benchmark.fraction(number, 12))::integer
            else
                %(first_date)s::date + first_day + (first_day = %(left_out_day)s)::integer
        end as tracked_since
    from words
    cross join generate_series(1, %(creator_count)s + %(newcomer_count)s) as number
    cross join lateral (
        values (floor(%(date_count)s * (number - %(creator_count)s - 1)::float8 / %(newcomer_count)s)::integer)
    ) as found (first_day)
)

select
    benchmark.user_id(number) as user_id,
    adjective || '.' || noun || number as handle,
    initcap(adjective || ' ' || noun) as nickname,
    null as avatar_url,
    'Something new about the ' || noun || ' every day' as signature,
    %(first_date)s::date + %(date_count)s - 1 + interval '2 hours' as last_updated_at,
    'MS4wLjABAAAA-made-up-' || number as sec_uid,
    tracked_since + interval '2 hours' as first_found_at,
    tracked_since,
    case when tracked_since >= %(first_date)s then 'scheduled__' || tracked_since || 'T02:00:00+00:00' end
        as found_by_run_id,
    true as is_settled,
    %(first_date)s::date + %(date_count)s - 1 + interval '2 hours' as handle_observed_at,
    %(first_date)s::date + %(date_count)s - 1 + interval '2 hours' as nickname_observed_at,
    %(first_date)s::date + %(date_count)s - 1 + interval '2 hours' as signature_observed_at,
    case
        when number <= %(creator_count)s and benchmark.is_missing(number) then 'missing'
        when benchmark.follower_count(number, %(date_count)s - 1) > 100000 then 'graduated'
        else 'tracked'
    end as status
from named
order by user_id
