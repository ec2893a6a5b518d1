"""A new day of creators' counts and their growth, in dlt: the merge is dlt's, the growth one statement after it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import psycopg

from tests.benchmarks.dlt_pipeline import dlt_pipeline, load_dlt

SCHEMA = "dlt_growth"
NEW_DATE = date(2026, 6, 30)
ROWS_PER_BATCH = 10_000

COLUMNS = {
    "user_id": {"data_type": "text", "nullable": False},
    "recorded_date": {"data_type": "date", "nullable": False},
    "follower_count": {"data_type": "bigint"},
    "heart_count": {"data_type": "bigint"},
    "video_count": {"data_type": "bigint"},
    "daily_growth_followers": {"data_type": "bigint"},
    "daily_growth_percent": {"data_type": "decimal"},
}

# The two dates before the new one. dlt makes its ids from the primary key, in another way; all that counts is that they
# differ.
HISTORY = """
insert into dlt_growth.creator_stats (
    user_id, recorded_date, follower_count, heart_count, video_count, _dlt_load_id, _dlt_id
)
select
    'creator-' || number, recorded_date::date, 10000 + mod(number, 90000), 500000 + number, 100, 'history',
    md5(number || ' ' || recorded_date)
from
    generate_series(1, %(creator_count)s) as number,
    generate_series(%(first_date)s::date, %(last_date)s::date, interval '1 day') as recorded_date
"""

# dlt makes no index for a primary key.
INDEX = "create unique index on dlt_growth.creator_stats (user_id, recorded_date)"

GROWTH = """
update dlt_growth.creator_stats as today
set
    daily_growth_followers = today.follower_count - yesterday.follower_count,
    daily_growth_percent = round(
        100 * (today.follower_count - yesterday.follower_count)::numeric / nullif(yesterday.follower_count, 0), 2
    )
from dlt_growth.creator_stats as yesterday
where
    today.recorded_date = %(new_date)s
    and yesterday.recorded_date = %(new_date)s::date - 1
    and today.user_id = yesterday.user_id
"""

GROWN = "select count(*) from dlt_growth.creator_stats where daily_growth_followers = 1 and recorded_date = %s"


class GrowthError(RuntimeError):
    """The job did not come to the right growth."""


def record_growth_dlt(database_url: str, creator_count: int) -> float:
    """Merge a new day of made-up creators with two days before it, and compute their growth; return the seconds.

    :raises GrowthError: not every creator has the growth that was made up.
    """
    load_dlt()
    with dlt_pipeline(database_url, SCHEMA) as pipeline:
        merge(pipeline, NEW_DATE - timedelta(days=3), 1)
        with psycopg.connect(database_url, autocommit=True) as connection:
            make_history(connection, creator_count)
            begun = time.perf_counter()
            merge(pipeline, NEW_DATE, creator_count)
            connection.execute(GROWTH, {"new_date": NEW_DATE})
            seconds = time.perf_counter() - begun
            [(grown_count,)] = connection.execute(GROWN, [NEW_DATE])
    if grown_count != creator_count:
        raise GrowthError(f"{grown_count} of {creator_count} creators have grown by one follower")
    return seconds


def make_history(connection: psycopg.Connection[Any], creator_count: int) -> None:
    """Fill the table that dlt has made."""
    first_date, last_date = NEW_DATE - timedelta(days=2), NEW_DATE - timedelta(days=1)
    parameters = {"creator_count": creator_count, "first_date": first_date, "last_date": last_date}
    connection.execute(HISTORY, parameters)
    connection.execute(INDEX)
    connection.execute("vacuum analyze dlt_growth.creator_stats")


def merge(pipeline: Any, recorded_date: date, creator_count: int) -> None:
    """Have dlt bring the profiles of a date into the table."""
    resource = load_dlt().resource(
        batches(recorded_date, creator_count),
        name="creator_stats",
        primary_key=["user_id", "recorded_date"],
        write_disposition={"disposition": "merge", "strategy": "upsert"},
        columns=COLUMNS,
    )
    # Read by `copy`, which is faster than dlt's default of `insert` statements.
    pipeline.run(resource, loader_file_format="csv")


def batches(recorded_date: date, creator_count: int) -> Iterator[list[dict[str, object]]]:
    """Profiles of a date: one follower more than in the history."""
    for start in range(1, creator_count + 1, ROWS_PER_BATCH):
        yield [
            {
                "user_id": f"creator-{number}",
                "recorded_date": recorded_date,
                "follower_count": 10_001 + number % 90_000,
                "heart_count": 500_001 + number,
                "video_count": 101,
            }
            for number in range(start, min(start + ROWS_PER_BATCH, creator_count + 1))
        ]
