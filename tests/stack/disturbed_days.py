"""A day that is run again and again on the same stack, each time with something else going wrong."""

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
from tests.stack.running_stack import DEATHS_VARIABLE, RunningStack
from tests.steps.builders import CONTENTS

HASHTAGS = ["gymtok", "cozygaming", "streetinterviews", "booktok"]
CONF: dict[str, Any] = {"hashtags": HASHTAGS, "pages_per_hashtag": 2, "page_size": 10}
DAY_1 = datetime(2026, 3, 1, 2, tzinfo=UTC)
DAY_2 = datetime(2026, 3, 2, 2, tzinfo=UTC)
RUN_2 = "day-2"
AFTER_DAY_1 = "after_day_1"
STOP_SECONDS = 30

# Two hashtags lead to the same creator, whose follower count only its profile tells.
WORLD = tuple({**page_of(hidden=cast(1), hashtag=hashtag), "offset": CONF["page_size"]} for hashtag in HASHTAGS[:2])

Row = dict[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Aftermath:
    """What day 2 has left: the tables, its calls as the ledger and as the sandbox tell them, and how tasks died."""

    contents: dict[str, list[str]]
    ledger: list[Row]
    sandbox_calls: list[Row]
    deaths: Sequence[Row] = ()

    @property
    def landed(self) -> Counter[Key]:
        """Pages and profiles that landed; whichever of several hashtags an author's profile was asked for by."""
        return Counter(
            (call["user_id"] or call["hashtag"], call["page_offset"])
            for call in self.ledger
            if call["status_code"] == 200
        )

    @property
    def lost_count(self) -> int:
        """Calls of which nobody knows how they ended."""
        return sum(call["status_code"] is None for call in self.ledger)

    @property
    def points(self) -> set[str]:
        """Where tasks died."""
        return {death["point"] for death in self.deaths}


class DisturbedDays:
    """Day 1 is undisturbed; day 2 begins again whenever it is asked for."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self._deaths = Path(stack.caller[DEATHS_VARIABLE])
        stack.begin_anew()
        stack.sandbox.set_faults(*WORLD)
        stack.sandbox.set_clock(DAY_1)
        stack.run(DAY_1, CONF, "day-1")
        self.task_ids = {task.task_id for task in stack.api.tasks(DAG_ID, "day-1")}
        stack.copy_database(SANDBOX_DATABASE, AFTER_DAY_1)

    def undisturbed(self) -> Aftermath:
        """Day 2 without any trouble."""
        self.begin()
        self.stack.run(DAY_2, CONF, RUN_2)
        return self.look()

    @contextmanager
    def deadly(self, *task_ids: str) -> Iterator[None]:
        """Let these tasks die wherever they can (see deaths/airflow_local_settings.py)."""
        for task_id in task_ids:
            (self._deaths / task_id).mkdir(parents=True)
        try:
            yield
        finally:
            shutil.rmtree(self._deaths)

    def killed(self) -> Aftermath:
        """Day 2, with a death of every task at every point where it can die."""
        self.begin()
        with self.deadly(*self.task_ids):
            self.stack.run(DAY_2, CONF, RUN_2)
            records = sorted(self._deaths.glob("*/*"), key=os.path.getmtime)
            return replace(self.look(), deaths=[json.loads(record.read_text()) for record in records])

    def begin(self) -> None:
        """Put everything back to where day 2 begins."""
        for run in self.stack.api.runs():
            if run.dag_run_id == RUN_2:
                self.stack.api.delete_run(RUN_2)
        self.stack.copy_database(AFTER_DAY_1, SANDBOX_DATABASE)
        self.stack.sandbox.set_clock(DAY_2)
        self.stack.sandbox.clear_calls()

    def look(self) -> Aftermath:
        """What is there now."""
        return Aftermath(
            contents=contents_of(self.stack),
            ledger=self.stack.rows("select * from comet_calls where run_id = %s", RUN_2),
            sandbox_calls=self.stack.sandbox.calls(),
        )

    def hold_calls(self, route: str) -> None:
        """Let TikHub not answer this route until the faults are cleared."""
        self.stack.sandbox.set_faults(*WORLD, {"route": route, "fault": "timeout", "delay": STOP_SECONDS})

    def let_calls_go(self) -> None:
        """Let TikHub answer again."""
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
        """Keep everybody from writing to a table, until the server ends all connections."""
        with closing(psycopg.connect(self.stack.creators.url(SANDBOX_DATABASE))) as connection:
            connection.execute(f"lock table {table} in share mode".encode())
            yield

    def wait_for_writer(self, table: str) -> None:
        """Wait until somebody is kept from writing to a table."""
        query = "select pid from pg_locks where relation = %s::regclass and mode = 'RowExclusiveLock' and not granted"
        self.stack.api.wait_for(
            lambda: bool(self.stack.rows(query, table)), STOP_SECONDS * 2, f"Nobody wanted to write to {table}"
        )


def contents_of(stack: RunningStack) -> dict[str, list[str]]:
    """What the tables hold that must not depend on what goes wrong."""
    return {
        table: sorted(
            json.dumps(row, default=str, sort_keys=True) for row in stack.rows(f"select {columns} from {table}")
        )
        for table, columns in CONTENTS.items()
    }


def stop(server: EmbeddedPostgres, number: signal.Signals) -> None:
    """Stop a server: by SIGINT it ends all connections (mode fast), by SIGQUIT it just ends (mode immediate)."""
    os.kill(int((server.folder / "data" / "postmaster.pid").read_text().split()[0]), number)
    deadline = time.monotonic() + STOP_SECONDS
    while server.is_running():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    server.stop()


def restart(server: EmbeddedPostgres, number: signal.Signals) -> None:
    """Stop a server and start it again."""
    stop(server, number)
    server.start()
