"""Other ways to do a day's job, each in a process of its own: `python -m tests.benchmarks.job_ways WAY < job.json`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg

from include.sandbox.client import SandboxClient
from tests.benchmarks import ways
from tests.benchmarks.job_criteria import CRITERIA
from tests.benchmarks.ways import Program, Searches, Way, find

RUN_HOUR = 2

WAYS = {
    "original": Way("the original's way", "job_original:original_days", is_waiting=True),
    "dlt": Way("dlt", "job_dlt:dlt_days", library="dlt"),
}

Row = tuple[str, int, int]
"""user_id, followers, and how many of them came since the day before."""


@dataclass(frozen=True)
class DayJob:
    """What is to be done on each of two days, of which the second is measured."""

    searches: Searches
    days: tuple[date, date]


@dataclass(frozen=True)
class DayOutcome:
    """What the second day has taken, and the rows that it has left."""

    seconds: float
    rows: frozenset[Row]


def moment(day: date) -> datetime:
    """Where the sandbox's clock stands on a day."""
    return datetime(day.year, day.month, day.day, RUN_HOUR, tzinfo=UTC)


def measure(job: DayJob, folder: Path, runs: int) -> dict[str, list[DayOutcome]]:
    """Do both days so many times in each way that is installed; return what came of it by the way's name."""
    arguments = {
        "hashtags": list(job.searches.hashtags),
        "pages": job.searches.pages,
        "days": [str(day) for day in job.days],
    }
    program = Program("job_ways", arguments)
    return {
        way.name: [
            DayOutcome(answer["seconds"], frozenset((row[0], row[1], row[2]) for row in answer["rows"]))
            for answer in ways.measure(key, way, program, job.searches.prepare, folder, runs)
        ]
        for key, way in ways.installed(WAYS)
    }


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
