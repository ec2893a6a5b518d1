-- Purpose: what the other files of this folder share: numbers that look random and are the same each time, and the
-- made-up creators' ids and followers.
-- Idempotent: replaced as a whole.
create schema if not exists benchmark;

-- A number from 0 to below 1 for a key; another salt gives another number. The constant is the seed.
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
    select (6800000000000000000 + creator_number * 1000003)::text
$$;

-- Followers of a creator: most grow by less than a percent a day, some shrink, every fiftieth grows by three.
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
                    when creator_number % 50 = 0 then 0.03
                    else 0.012 * power(benchmark.fraction(creator_number, 2), 3) - 0.002
                end
                + 0.01 * sin(
                    day_number / (4 + 10 * benchmark.fraction(creator_number, 3))
                    + 6.28 * benchmark.fraction(creator_number, 4)
                )
                + 0.002 * benchmark.fraction(creator_number * 1000 + day_number, 5)
            )
        )::bigint
$$;

-- Whether a creator of before the first date could not be read on any of the last five dates.
create or replace function benchmark.is_missing(creator_number bigint)
returns boolean
language sql
immutable
parallel safe
as $$
    select benchmark.fraction(creator_number, 13) < 0.01
$$;
