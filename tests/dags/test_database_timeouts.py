"""Locks and slow statements time out before the task, with a clear error and no partial rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import RetryAction

from comets.calls.ledger import Call, Ledger
from comets.calls.retry_policy import CallRetryPolicy
from comets.database.client import connect
from comets.errors import DatabaseTimeoutError
from comets.operators.accept_run import AcceptRunOperator
from comets.settings import settings
from tests.conftest import PROJECT_FOLDER
from tests.dags.worlds import run_context
from tests.steps.builders import DAY, SQL_FOLDER, Facts, noon

SHORT = timedelta(seconds=2)


@contextmanager
def blocking_session(url: str, statement: str) -> Iterator[None]:
    """Keep another transaction open after a statement."""
    with psycopg.connect(url) as holder:
        holder.execute(statement.encode())
        yield


def counts(url: str) -> dict[str, int]:
    """Return the number of rows by table."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select relname from pg_class where relname ~ '^(comet_|creator)' and relkind = 'r'"
        )
        return {
            name: (connection.execute(f"select count(*) from {name}".encode()).fetchone() or (0,))[0]
            for (name,) in tables.fetchall()
        }


def test_python_task_times_out_on_a_lock(comets_connection: str) -> None:
    with psycopg.connect(comets_connection, autocommit=True) as connection:
        Facts(connection).accept(run_id="run 1")
    before = counts(comets_connection)
    with connect(timeout=SHORT) as database:
        with (
            blocking_session(comets_connection, "select from comet_runs for update"),
            pytest.raises(DatabaseTimeoutError) as ended,
        ):
            Ledger(database, "run 1", 0).execute(Call("a route"), lambda: pytest.fail("the call was made"))
        assert "include/sql/calls/lock_run.sql waited too long for a lock" in str(ended.value)
        assert 'in relation "comet_runs"' in str(ended.value)
        assert counts(comets_connection) == before
        assert database.fetch_one("calls/lock_run", run_id="run 1")
    assert CallRetryPolicy(settings().retries).evaluate(ended.value, 1, 20).action is RetryAction.RETRY
    assert CallRetryPolicy(settings().retries).evaluate(ended.value, 3, 20).action is RetryAction.FAIL


def test_endless_statement_times_out_before_the_task(comets_connection: str) -> None:
    with psycopg.connect(comets_connection, autocommit=True) as connection:
        connection.execute(
            """
            create function dawdle() returns trigger language plpgsql as 'begin perform pg_sleep(600); return new; end';
            create trigger dawdle before insert on comet_runs for each row execute function dawdle();
            """
        )
    operator = AcceptRunOperator(task_id="accept_run", execution_timeout=SHORT)
    with pytest.raises(
        DatabaseTimeoutError, match=r"accept_run\.sql was canceled .* statement timeout.*execution_timeout"
    ):
        operator.execute(run_context("run 1", "2026-03-01T02:00:00+00:00"))
    assert counts(comets_connection)["comet_runs"] == 0


def test_sql_step_times_out_on_a_lock(comets_connection: str) -> None:
    with psycopg.connect(comets_connection, autocommit=True) as connection:
        Facts(connection).accept(run_id="run 1")
    before = counts(comets_connection)
    step: Any = DagBag(str(PROJECT_FOLDER / "dags")).dags["comet_discovery"].get_task("record_growth")
    step.execution_timeout = SHORT
    context: Any = {"run_id": "run 1", "task": step, "ti": SimpleNamespace(start_date=noon(DAY))}
    step.render_template_fields(context)
    lock = "lock table comet_locks in share update exclusive mode"
    with blocking_session(comets_connection, lock), pytest.raises(psycopg.errors.LockNotAvailable) as ended:
        step.execute(context)
    assert counts(comets_connection) == before
    decision = CallRetryPolicy(settings().retries).evaluate(ended.value, 1, 20, context)
    assert decision.action is RetryAction.RETRY
    assert "The task record_growth waited too long for a lock" in str(decision.reason)
    assert "connection `comets_db`" in str(decision.reason)
    step.execute(context)
    assert counts(comets_connection)["comet_dates"] == 1


def test_every_sql_step_sets_its_timeouts_first() -> None:
    for dag in DagBag(str(PROJECT_FOLDER / "dags")).dags.values():
        for task in dag.tasks:
            if isinstance(task, SQLExecuteQueryOperator):
                assert "statement_timeout" in str(task.parameters), task.task_id
                text = str(task.sql)
                text = (SQL_FOLDER / text).read_text(encoding="utf-8") if text.endswith(".sql") else text
                first = re.sub("--.*", "", text).split(";")[0]
                assert "set_config('statement_timeout'" in first, task.task_id
                assert "set_config('lock_timeout'" in first, task.task_id
