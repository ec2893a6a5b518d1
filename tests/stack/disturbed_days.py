"""A day that runs repeatedly on one stack, each time with another disturbance."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from comets.settings import DAG_ID
from include.stack.environment import SANDBOX_DATABASE
from include.stack.postgres import EmbeddedPostgres
from tests.dags.worlds import cast, page_of
from tests.stack.running_stack import CRASHES_VARIABLE, RunningStack
from tests.steps.builders import CONTENTS

HASHTAGS = ["gymtok", "cozygaming", "streetinterviews", "booktok"]
CONF: dict[str, Any] = {"hashtags": HASHTAGS, "pages_per_hashtag": 2, "page_size": 10}
DAY_1 = datetime(2026, 3, 1, 2, tzinfo=UTC)
DAY_2 = datetime(2026, 3, 2, 2, tzinfo=UTC)
RUN_2 = "day-2"
AFTER_DAY_1 = "after_day_1"
STOP_SECONDS = 30

# Two hashtags find the same creator, whose follower count only its profile has.
WORLD = tuple({**page_of(hidden=cast(1), hashtag=hashtag), "offset": CONF["page_size"]} for hashtag in HASHTAGS[:2])

Row = dict[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class DayResult:
    """Result of day 2: tables, calls by ledger and sandbox, and crashes of tasks."""

    contents: dict[str, list[str]]
    ledger: list[Row]
    sandbox_calls: list[Row]
    crashes: Sequence[Row] = ()

    @property
    def landed(self) -> Counter[Key]:
        """Landed pages and profiles, independent of the hashtag that found an author."""
        return Counter(
            (call["user_id"] or call["hashtag"], call["page_offset"])
            for call in self.ledger
            if call["status_code"] == 200
        )

    @property
    def lost_count(self) -> int:
        """Calls with an unknown outcome."""
        return sum(call["status_code"] is None for call in self.ledger)

    @property
    def points(self) -> set[str]:
        """Points at which tasks crashed."""
        return {crash["point"] for crash in self.crashes}


class DisturbedDays:
    """An undisturbed day 1, and a day 2 that can start over."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self._crashes = Path(stack.caller[CRASHES_VARIABLE])
        stack.reset()
        stack.sandbox.set_faults(*WORLD)
        stack.sandbox.set_clock(DAY_1)
        stack.run(DAY_1, CONF, "day-1")
        self.task_ids = {task.task_id for task in stack.api.tasks(DAG_ID, "day-1")}
        stack.copy_database(SANDBOX_DATABASE, AFTER_DAY_1)

    def undisturbed(self) -> DayResult:
        """Run day 2 undisturbed."""
        self.begin()
        self.stack.run(DAY_2, CONF, RUN_2)
        return self.snapshot()

    @contextmanager
    def crashing(self, *task_ids: str) -> Iterator[None]:
        """Crash these tasks at every point (see crashes/airflow_local_settings.py)."""
        for task_id in task_ids:
            (self._crashes / task_id).mkdir(parents=True)
        try:
            yield
        finally:
            shutil.rmtree(self._crashes)

    def killed(self) -> DayResult:
        """Run day 2 with a crash of every task at every point."""
        self.begin()
        with self.crashing(*self.task_ids):
            self.stack.run(DAY_2, CONF, RUN_2)
            records = sorted(self._crashes.glob("*/*"), key=os.path.getmtime)
            return replace(self.snapshot(), crashes=[json.loads(record.read_text()) for record in records])

    def begin(self) -> None:
        """Restore the state before day 2."""
        for run in self.stack.api.runs():
            if run.dag_run_id == RUN_2:
                self.stack.api.delete_run(RUN_2)
        self.stack.copy_database(AFTER_DAY_1, SANDBOX_DATABASE)
        self.stack.sandbox.set_clock(DAY_2)
        self.stack.sandbox.clear_calls()

    def snapshot(self) -> DayResult:
        """Return the current result of day 2."""
        return DayResult(
            contents=contents_of(self.stack),
            ledger=self.stack.rows("select * from comet_calls where run_id = %s", RUN_2),
            sandbox_calls=self.stack.sandbox.calls(),
        )

    def hold_calls(self, route: str) -> None:
        """Hold the calls of a route until the faults are cleared."""
        self.stack.sandbox.set_faults(*WORLD, {"route": route, "fault": "timeout", "delay": STOP_SECONDS})

    def release_calls(self) -> None:
        """Release held calls."""
        self.stack.sandbox.set_faults()
        self.stack.sandbox.set_faults(*WORLD)

    def wait_for_calls(self, route: str, count: int) -> None:
        """Wait until so many calls of a route are in flight."""
        self.stack.api.wait_for(
            lambda: sum(call["status"] is None for call in self.stack.sandbox.calls(route)) >= count,
            STOP_SECONDS * 2,
            f"There were not {count} calls of {route} at a time",
        )

    @contextmanager
    def lock(self, table: str) -> Iterator[None]:
        """Block writes to a table until the server closes all connections."""
        with closing(psycopg.connect(self.stack.creators.url(SANDBOX_DATABASE))) as connection:
            connection.execute(f"lock table {table} in share mode".encode())
            yield

    def wait_for_writer(self, table: str) -> None:
        """Wait until a session waits to write to a table."""
        query = "select pid from pg_locks where relation = %s::regclass and mode = 'RowExclusiveLock' and not granted"
        self.stack.api.wait_for(
            lambda: bool(self.stack.rows(query, table)), STOP_SECONDS * 2, f"No session wanted to write to {table}"
        )


def contents_of(stack: RunningStack) -> dict[str, list[str]]:
    """Return the contents of tables that must not depend on disturbances."""
    return {
        table: sorted(
            json.dumps(row, default=str, sort_keys=True) for row in stack.rows(f"select {columns} from {table}")
        )
        for table, columns in CONTENTS.items()
    }


def stop(server: EmbeddedPostgres, number: signal.Signals) -> None:
    """Stop a server: SIGINT is a fast shutdown, SIGQUIT an immediate one."""
    os.kill(int((server.folder / "data" / "postmaster.pid").read_text().split()[0]), number)
    deadline = time.monotonic() + STOP_SECONDS
    while server.is_running():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    server.stop()


def restart(server: EmbeddedPostgres, number: signal.Signals) -> None:
    """Stop a server and start it."""
    stop(server, number)
    server.start()
