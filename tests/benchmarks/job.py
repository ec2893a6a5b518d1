"""A whole day in a real Airflow, from the searches to the recorded growth, beside the original's way and dlt.

The day before has been done in each way, so that creators are tracked; it is not timed. The sandbox's clock stands
still on each day. Ours is timed from the trigger of the run to its end, the start of a process for each task included;
the others without imports, while Airflow idles. All ask the same sandbox and write into the same PostgreSQL.

Each way has to record the same followers and growth of the same creators. The original's way does that with one row per
statement, dlt with merges and SQL; neither keeps the answers, checks them, works out scores, or can be resumed.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import psycopg

from comets.settings import PACE_VARIABLE
from include.stack.postgres import EmbeddedPostgres
from tests.benchmarks.common import BenchmarkError, Criteria, Row, copy_database, interleave, run_script, seconds, show
from tests.benchmarks.dlt_way import SCHEMA, DltWay
from tests.benchmarks.original import OriginalWay
from tests.benchmarks.stack import Searches, Stack, running_stack

ROUNDS = 3
SEARCHES = {
    "small": Searches(5, pages=2, latency_seconds=0.2, per_second=5),
    "full": Searches(20, pages=5, latency_seconds=0.5, per_second=5),
}
OURS, ORIGINAL, DLT = "this package", "the original's way", "dlt"
CRITERIA = Criteria()
WAYS = {ORIGINAL: (OriginalWay, "creator_stats"), DLT: (DltWay, f"{SCHEMA}.creator_stats")}
"""The other ways, each with its table of snapshots."""

Snapshots = frozenset[tuple[str, int, int]]
"""user_id, followers, and how many of them came since the day before."""


def main(size_name: str, folder: Path) -> None:
    """Print the ratios."""
    searches = SEARCHES[size_name]
    work = folder / "job"
    shutil.rmtree(work, ignore_errors=True)
    # Both days are over for Airflow, so that midnight may pass meanwhile.
    last_day = datetime.now(UTC).date() - timedelta(days=2)
    creator_counts: list[int] = []
    with EmbeddedPostgres(work / "creators") as server:
        server.create_database("creators")
        pace = {PACE_VARIABLE: str(searches.per_second)}
        with running_stack(work / "stack", server.url("creators"), pace) as stack:
            stack.limit(searches, moment(last_day - timedelta(days=1)))
            stack.run(searches, moment(last_day - timedelta(days=1)), **asdict(CRITERIA))
            copy_database(server, "creators", "day_before")

            def measure_round(number: int) -> Mapping[str, float]:
                taken, count = measure(stack, server, searches, last_day, number)
                creator_counts.append(count)
                return taken

            rounds = interleave(measure_round, ROUNDS)
    shutil.rmtree(work, ignore_errors=True)
    name = f"whole job, {searches}, {creator_counts[0]} creators"
    show("Whole job", [Row(name, rounds[OURS], other, rounds[other]) for other in WAYS], size_name)


def measure(
    stack: Stack, server: EmbeddedPostgres, searches: Searches, day: date, number: int
) -> tuple[Mapping[str, float], int]:
    """Do a day once in each way; return the seconds, and of how many creators they have recorded growth.

    :raises BenchmarkError: they recorded different snapshots.
    """
    url = copy_database(server, "day_before", "creators")
    stack.limit(searches, moment(day))
    # Runs of the same day differ by their minute.
    times = stack.run(searches, moment(day) + timedelta(minutes=number), **asdict(CRITERIA))
    taken = {OURS: times.seconds}
    recorded = {OURS: snapshots(url, "creator_stats", day)}
    for name, (make_way, table) in WAYS.items():
        database = f"{make_way.__name__}_{number}"
        server.create_database(database)
        way = make_way(stack.sandbox.url, server.url(database))
        for each_day in (day - timedelta(days=1), day):
            stack.limit(searches, moment(each_day))
            taken[name] = seconds(
                lambda way=way, each_day=each_day: way.run_day(  # type: ignore[misc]
                    each_day, searches.hashtags, searches.pages, CRITERIA
                )
            )
        recorded[name] = snapshots(server.url(database), table, day)
    if len(set(recorded.values())) > 1:
        counts = {name: len(rows) for name, rows in recorded.items()}
        raise BenchmarkError(f"The ways recorded different growth; creators: {counts}")
    return taken, len(recorded[OURS])


def moment(day: date) -> datetime:
    """Return when a day's run begins, where the sandbox's clock stands."""
    return datetime.combine(day, time(2), UTC)


def snapshots(url: str, table: str, day: date) -> Snapshots:
    """Read what was recorded for a day."""
    query = f"select user_id, follower_count, daily_growth_followers from {table} where recorded_date = %s"
    with psycopg.connect(url) as connection:
        return frozenset(connection.execute(query.encode(), [day]).fetchall())


if __name__ == "__main__":
    run_script(main)
