"""Runs that crash between any two statements and are retried end with the tables of an undisturbed run.

Tasks run in this process, without the scheduler, so that many crashes can be combined. A crash closes the database
connection before a statement: uncommitted rows are lost, and a call may be in flight.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from comets.database.client import Database
from comets.operators.accept_run import AcceptRunOperator
from comets.operators.extract_videos import ExtractVideosOperator
from comets.operators.quality_check import QualityCheckOperator
from comets.operators.roll_call import PlanRollCallOperator, RollCallOperator
from include.sandbox.client import SandboxClient
from tests.conftest import PROFILE_VARIABLE
from tests.dags.worlds import run_context
from tests.steps.builders import CONTENTS, PARAMETERS, Row, clear_tables, statements

DAYS = ("2026-03-01T02:00:00+00:00", "2026-03-02T02:00:00+00:00")
SMALL = {"hashtags": ["gymtok", "cozygaming"], "pages_per_hashtag": 2, "page_size": 10}


class CrashError(Exception):
    """The process has crashed."""


@dataclass
class Crashes:
    """Number of statements after which each attempt of a task crashes; attempts after the last complete."""

    left: list[int] = field(default_factory=list)
    statement_count: int = 0
    limit: int | None = None

    def begin(self) -> None:
        """Start an attempt of a task."""
        self.statement_count = 0
        self.limit = self.left.pop(0) if self.left else None

    def strike(self, connection: psycopg.Connection[Any]) -> None:
        """Allow a statement, or crash before it."""
        self.statement_count += 1
        if self.limit is not None and self.statement_count > self.limit:
            connection.close()
            raise CrashError


@pytest.fixture
def crashes(monkeypatch: pytest.MonkeyPatch) -> Crashes:
    """Crash statements of Python tasks as planned."""
    crashes = Crashes()

    def crashable(method: Callable[..., Any]) -> Callable[..., Any]:
        def execute(self: Database, *arguments: Any, **parameters: Any) -> Any:
            crashes.strike(self._connection)
            return method(self, *arguments, **parameters)

        return execute

    for name in ("execute", "fetch_all", "fetch_optional"):
        monkeypatch.setattr(Database, name, crashable(getattr(Database, name)))
    return crashes


@dataclass
class Pipeline:
    """The tasks of a run in order, each retried until it completes."""

    url: str
    crashes: Crashes

    def run(self, instant: str) -> None:
        """Run a date."""
        run_id = f"run of {instant}"
        context = run_context(run_id, instant, **SMALL)
        for hashtags in self._attempt(AcceptRunOperator(task_id="accept").execute, context):
            self._attempt(ExtractVideosOperator(task_id="extract", hashtags=hashtags).execute, context)
        self._attempt(QualityCheckOperator(task_id="check_search", step="search").execute, context)
        self._attempt(self._step, "filter_comets", run_id)
        self._attempt(self._step, "upsert_creators", run_id)
        for batch in self._attempt(PlanRollCallOperator(task_id="plan").execute, context):
            self._attempt(RollCallOperator(task_id="roll_call", batch_number=batch).execute, context)
        self._attempt(QualityCheckOperator(task_id="check_roll_call", step="roll_call").execute, context)
        self._attempt(self._step, "upsert_creators", run_id)
        self._attempt(self._step, "record_growth", run_id)
        self._attempt(self._step, "score_creators", run_id)

    def _step(self, name: str, run_id: str) -> None:
        with psycopg.connect(self.url) as connection:
            for statement in statements(name):
                self.crashes.strike(connection)
                connection.execute(statement, {"run_id": run_id, **PARAMETERS})

    def _attempt(self, task: Callable[..., Any], *arguments: Any) -> Any:
        while True:
            self.crashes.begin()
            try:
                return task(*arguments)
            except CrashError:
                continue


def run_two_days(
    url: str, sandbox: SandboxClient, crashes: Crashes, plan: list[int]
) -> tuple[dict[str, list[Row]], int]:
    """Run two dates with crashes; return the tables' contents and the number of the sandbox's calls."""
    with psycopg.connect(url, autocommit=True) as connection:
        clear_tables(connection)
    sandbox.clear_calls()
    crashes.left = list(plan)
    for instant in DAYS:
        sandbox.set_clock(instant)
        Pipeline(url, crashes).run(instant)
    with psycopg.connect(url) as connection:
        contents = {
            table: sorted(connection.execute(f"select {columns} from {table}".encode()).fetchall(), key=repr)
            for table, columns in CONTENTS.items()
        }
    return contents, len(sandbox.calls())


def calls_paid_twice(url: str) -> list[Row]:
    """Return calls that succeeded more than once in the same run."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            """
            select run_id, hashtag, page_offset, user_id
            from comet_calls
            where status_code = 200
            group by run_id, hashtag, page_offset, user_id
            having count(*) > 1
            """
        ).fetchall()


@pytest.fixture
def undisturbed(
    comets_connection: str, tikhub_connection: str, sandbox: SandboxClient, crashes: Crashes
) -> tuple[dict[str, list[Row]], int]:
    """The same two dates without crashes."""
    contents, call_count = run_two_days(comets_connection, sandbox, crashes, [])
    assert all(contents.values())
    return contents, call_count


@settings(
    max_examples=25 if os.environ.get(PROFILE_VARIABLE) == "long" else 2,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=st.lists(st.integers(0, 70), min_size=1, max_size=30))
@example(plan=list(range(60)))
def test_crash_between_any_two_statements_changes_no_row_and_pays_no_call_twice(
    comets_connection: str,
    sandbox: SandboxClient,
    crashes: Crashes,
    undisturbed: tuple[dict[str, list[Row]], int],
    plan: list[int],
) -> None:
    expected, call_count = undisturbed
    contents, disturbed_call_count = run_two_days(comets_connection, sandbox, crashes, plan)
    for table in CONTENTS:
        assert contents[table] == expected[table], table
    assert calls_paid_twice(comets_connection) == []
    assert disturbed_call_count - call_count <= len(plan)
