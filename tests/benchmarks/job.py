"""A whole day in a real Airflow, from searches to recorded growth, compared with the original's way and dlt.

Each implementation first runs the day before, untimed, so that creators are tracked. Ours is timed from the trigger of
the run to its end, including a process per task; the others without imports, while Airflow is idle. All use the same
sandbox and PostgreSQL.

Each must record the same followers and growth of the same creators. The others do not keep responses, check them,
compute scores or resume.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path

import psycopg

from include.stack.postgres import EmbeddedPostgres
from tests.benchmarks.common import BenchmarkError, Criteria, Row, copy_database, interleave, run_script, seconds, show
from tests.benchmarks.dlt_way import DltWay
from tests.benchmarks.original import OriginalWay
from tests.benchmarks.stack import Searches, Stack, searching_stack

ROUNDS = 3
SEARCHES = {
    "small": Searches(5, pages=2, latency_seconds=0.2, per_second=5),
    "full": Searches(20, pages=5, latency_seconds=0.5, per_second=5),
}
OURS = "this package"
WAYS: dict[str, type[OriginalWay | DltWay]] = {"the original's way": OriginalWay, "dlt": DltWay}
CRITERIA = Criteria()
CREATORS = "creators"

Snapshots = frozenset[tuple[str, int, int]]
"""user_id, followers, and growth since the day before."""


def main(size_name: str, folder: Path) -> None:
    """Print the ratios."""
    searches = SEARCHES[size_name]
    # Both days are past, so that midnight may pass during the benchmark.
    day = datetime.now(UTC).date() - timedelta(days=2)
    with searching_stack(folder / "job", searches) as (stack, server):
        run_day(stack, searches, moment(day - timedelta(days=1)))
        copy_database(server, "creators", "day_before")
        rounds = interleave(partial(measure, stack, server, searches, day), ROUNDS)
    name = f"whole job, {searches}, {rounds[CREATORS][0]:.0f} creators"
    show("Whole job", [Row(name, rounds[OURS], other, rounds[other]) for other in WAYS], size_name)


def measure(stack: Stack, server: EmbeddedPostgres, searches: Searches, day: date, number: int) -> Mapping[str, float]:
    """Run a day in each implementation; return the seconds, and the number of creators.

    :raises BenchmarkError: the recorded snapshots differ.
    """
    url = copy_database(server, "day_before", "creators")
    taken = {OURS: run_day(stack, searches, moment(day), minute=number)}
    recorded = {OURS: snapshots(url, "creator_stats", day)}
    for name, make_way in WAYS.items():
        database = f"{make_way.__name__}_{number}"
        server.create_database(database)
        way = make_way(stack.sandbox.url, server.url(database))
        for each_day in (day - timedelta(days=1), day):
            stack.limit(searches, moment(each_day))
            taken[name] = seconds(partial(way.run_day, each_day, searches.hashtags, searches.pages, CRITERIA))
        recorded[name] = snapshots(server.url(database), way.snapshot_table, day)
    if len(set(recorded.values())) > 1:
        counts = {name: len(rows) for name, rows in recorded.items()}
        raise BenchmarkError(f"The implementations recorded different growth; creators: {counts}")
    return {**taken, CREATORS: len(recorded[OURS])}


def run_day(stack: Stack, searches: Searches, now: datetime, minute: int = 0) -> float:
    """Run the Dag for a day; return the seconds."""
    stack.limit(searches, now)
    return stack.run(searches, now + timedelta(minutes=minute), **asdict(CRITERIA)).seconds


def moment(day: date) -> datetime:
    """Return the instant of a day's run and of the sandbox's clock."""
    return datetime.combine(day, time(2), UTC)


def snapshots(url: str, table: str, day: date) -> Snapshots:
    """Return the recorded snapshots of a day."""
    query = f"select user_id, follower_count, daily_growth_followers from {table} where recorded_date = %s"
    with psycopg.connect(url) as connection:
        return frozenset(connection.execute(query.encode(), [day]).fetchall())


if __name__ == "__main__":
    run_script(main)
