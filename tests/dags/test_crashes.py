"""A run that dies between any two statements and is tried again ends in the tables of an undisturbed one.

The tasks run as Airflow runs them, but in this process and without its scheduler, so that many deaths can be tried. A
death is a database connection that is gone before a statement: what was not committed is lost, a call may be in flight.
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


class DeathError(Exception):
    """The process is gone."""


@dataclass
class Deaths:
    """After how many statements each attempt of a task dies; when there is none left, attempts live."""

    left: list[int] = field(default_factory=list)
    statement_count: int = 0
    limit: int | None = None

    def begin(self) -> None:
        """A new attempt of a task begins."""
        self.statement_count = 0
        self.limit = self.left.pop(0) if self.left else None

    def strike(self, connection: psycopg.Connection[Any]) -> None:
        """Let a statement through, or die before it."""
        self.statement_count += 1
        if self.limit is not None and self.statement_count > self.limit:
            connection.close()
            raise DeathError


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Deaths:
    """Let statements of the Python tasks die as told."""
    deaths = Deaths()

    def mortal(method: Callable[..., Any]) -> Callable[..., Any]:
        def execute(self: Database, *arguments: Any, **parameters: Any) -> Any:
            deaths.strike(self._connection)
            return method(self, *arguments, **parameters)

        return execute

    for name in ("execute", "execute_many", "fetch_all", "fetch_optional"):
        monkeypatch.setattr(Database, name, mortal(getattr(Database, name)))
    return deaths


@dataclass
class Pipeline:
    """The tasks of a run in their order, each tried again until it lives."""

    url: str
    deaths: Deaths

    def run(self, instant: str) -> None:
        """Run a day."""
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
                self.deaths.strike(connection)
                connection.execute(statement, {"run_id": run_id, **PARAMETERS})

    def _attempt(self, task: Callable[..., Any], *arguments: Any) -> Any:
        while True:
            self.deaths.begin()
            try:
                return task(*arguments)
            except DeathError:
                continue


def live_through(url: str, sandbox: SandboxClient, deaths: Deaths, plan: list[int]) -> tuple[dict[str, list[Row]], int]:
    """Two days with deaths; returns the tables' contents and the number of calls that the sandbox got."""
    with psycopg.connect(url, autocommit=True) as connection:
        clear_tables(connection)
    sandbox.clear_calls()
    deaths.left = list(plan)
    for instant in DAYS:
        sandbox.set_clock(instant)
        Pipeline(url, deaths).run(instant)
    with psycopg.connect(url) as connection:
        contents = {
            table: sorted(connection.execute(f"select {columns} from {table}".encode()).fetchall(), key=repr)
            for table, columns in CONTENTS.items()
        }
    return contents, len(sandbox.calls())


def paid_twice(url: str) -> list[Row]:
    """What was answered and landed, and asked for again in the same run."""
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
    comets_connection: str, tikhub_connection: str, sandbox: SandboxClient, deaths: Deaths
) -> tuple[dict[str, list[Row]], int]:
    """The same two days without any death."""
    contents, call_count = live_through(comets_connection, sandbox, deaths, [])
    assert all(contents.values())
    return contents, call_count


@settings(
    # Under the real scheduler each point is tried once (tests/stack/test_deaths.py), here they are combined.
    max_examples=25 if os.environ.get(PROFILE_VARIABLE) == "long" else 2,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=st.lists(st.integers(0, 70), min_size=1, max_size=30))
@example(plan=list(range(60)))
def test_a_death_between_any_two_statements_changes_nothing_and_pays_nothing_twice(
    comets_connection: str,
    sandbox: SandboxClient,
    deaths: Deaths,
    undisturbed: tuple[dict[str, list[Row]], int],
    plan: list[int],
) -> None:
    expected, call_count = undisturbed
    contents, disturbed_call_count = live_through(comets_connection, sandbox, deaths, plan)
    for table in CONTENTS:
        assert contents[table] == expected[table], table
    assert paid_twice(comets_connection) == []
    # A death costs at most the one call in flight.
    assert disturbed_call_count - call_count <= len(plan)
