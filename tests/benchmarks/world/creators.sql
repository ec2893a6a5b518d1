-- Purpose: creators with made-up names. The first creator_count of them are tracked since before the first date,
-- newcomer_count more are found on one of its dates each.
insert into creators (
    user_id, handle, nickname, avatar_url, signature, last_updated_at, sec_uid, tracked_since, is_gathered,
    handle_observed_at, nickname_observed_at, signature_observed_at, status
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
                %(first_date)s::date
                + floor(%(date_count)s * (number - %(creator_count)s - 1)::float8 / %(newcomer_count)s)::integer
        end as tracked_since
    from words
    cross join generate_series(1, %(creator_count)s + %(newcomer_count)s) as number
)

select
    benchmark.user_id(number) as user_id,
    adjective || '.' || noun || number as handle,
    initcap(adjective || ' ' || noun) as nickname,
    null as avatar_url,
    'Something new about the ' || noun || ' every day' as signature,
    %(first_date)s::date + %(date_count)s - 1 + interval '2 hours' as last_updated_at,
    'MS4wLjABAAAA-made-up-' || number as sec_uid,
    tracked_since,
    true as is_gathered,
    %(first_date)s::date + %(date_count)s - 1 + interval '2 hours' as handle_observed_at,
    %(first_date)s::date + %(date_count)s - 1 + interval '2 hours' as nickname_observed_at,
    %(first_date)s::date + %(date_count)s - 1 + interval '2 hours' as signature_observed_at,
    case
        when benchmark.fraction(number, 13) < 0.01 then 'missing'
        when benchmark.follower_count(number, %(date_count)s - 1) > 100000 then 'graduated'
        else 'tracked'
    end as status
from named
order by user_id
