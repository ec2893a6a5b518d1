"""Other ways to do a day's job, each in a process of its own: `python -m tests.benchmarks.job_ways WAY < job.json`."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg

from include.sandbox.client import SandboxClient
from include.stack.output import note
from include.stack.ports import free_port
from include.stack.postgres import EmbeddedPostgres
from include.stack.sandbox import SandboxServer
from tests.benchmarks.job_criteria import CRITERIA
from tests.benchmarks.processes import run_python
from tests.benchmarks.ways import Way, find

DAY_SECONDS = 3600
RUN_HOUR = 2

WAYS = {
    "original": Way("the original's way", "job_original:original_days", is_waiting=True),
    "dlt": Way("dlt", "job_dlt:dlt_days", library="dlt"),
}

Row = tuple[str, int, int]
"""user_id, followers, and how many of them came since the day before."""


@dataclass(frozen=True)
class DayJob:
    """What is to be done on each of two days, of which the second is measured, and what the sandbox is like."""

    hashtags: Sequence[str]
    pages: int
    latency_seconds: float
    per_second: int
    days: tuple[date, date]


@dataclass(frozen=True)
class DayOutcome:
    """What the second day has taken, and the rows that it has left."""

    seconds: float
    rows: frozenset[Row]


def moment(day: date) -> datetime:
    """Where the sandbox's clock stands on a day."""
    return datetime(day.year, day.month, day.day, RUN_HOUR, tzinfo=UTC)


def prepare(sandbox: SandboxClient, job: DayJob) -> None:
    """Make a sandbox as the job wants it."""
    sandbox.clear()
    sandbox.set_latency(job.latency_seconds)
    sandbox.set_rate_limit(job.per_second)


def measure(way: str, job: DayJob, folder: Path, runs: int) -> list[DayOutcome]:
    """Do both days so many times, each with a sandbox and a database of its own; what is stored is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedPostgres(folder / "postgres"))
        errands = []
        for number in range(1, runs + 1):
            sandbox = stack.enter_context(SandboxServer(folder / "sandbox", free_port()))
            prepare(SandboxClient(sandbox.url), job)
            database = f"{way}_{number}"
            server.create_database(database)
            errands.append({"sandbox_url": sandbox.url, "database_url": server.url(database)})
        at_once = runs if WAYS[way].is_waiting else 1
        note(f"{WAYS[way].name}: two days, {runs} times, {at_once} at a time ...")
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=at_once))
        outcomes = list(pool.map(lambda errand: run_apart(way, job, errand), errands))
    shutil.rmtree(folder, ignore_errors=True)
    note(f"{WAYS[way].name}: {', '.join(f'{outcome.seconds:.1f} s' for outcome in outcomes)}")
    return outcomes


def run_apart(way: str, job: DayJob, errand: dict[str, str]) -> DayOutcome:
    """Do both days in another process."""
    arguments = {
        **errand,
        "hashtags": list(job.hashtags),
        "pages": job.pages,
        "days": [str(day) for day in job.days],
    }
    given = json.dumps(arguments)
    printed = run_python(["-m", "tests.benchmarks.job_ways", way], 2 * DAY_SECONDS, given=given)
    answer = json.loads(printed.splitlines()[-1])
    return DayOutcome(answer["seconds"], frozenset((row[0], row[1], row[2]) for row in answer["rows"]))


def rows_of(database_url: str, table: str, day: date) -> list[Row]:
    """The snapshots of a day."""
    with psycopg.connect(database_url) as connection:
        return connection.execute(
            f"select user_id, follower_count, daily_growth_followers from {table} where recorded_date = %s".encode(),
            [day],
        ).fetchall()


def do_days(way: str, sandbox_url: str, database_url: str, days: Sequence[str], **searches: Any) -> dict[str, Any]:
    """Do the days one after the other; return the seconds and the rows of the last one."""
    with find(WAYS[way].function)(sandbox_url, database_url) as (run_day, table):
        for text in days:
            day = date.fromisoformat(text)
            SandboxClient(sandbox_url).set_clock(moment(day))
            begun = time.monotonic()
            run_day(day, criteria=CRITERIA, **searches)
            seconds = time.monotonic() - begun
        return {"seconds": seconds, "rows": rows_of(database_url, table, day)}


if __name__ == "__main__":
    print(json.dumps(do_days(sys.argv[1], **json.load(sys.stdin))))
