"""What another session holds, or what takes too long, is ended in time, in words, with nothing half done."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import RetryAction
from psycopg.rows import dict_row

from comets.database import Database, connect
from comets.database_errors import DatabaseTimeoutError
from comets.ledger import Call, Ledger
from comets.operators.accept_run import AcceptRunOperator
from comets.retries import CallRetryPolicy
from comets.settings import settings
from include.stack.postgres import EmbeddedPostgres
from tests.conftest import PROJECT_FOLDER
from tests.sql.builders import DAY, SQL_FOLDER, Facts, noon
from tests.unit.test_run import PARAMS

SHORT = timedelta(seconds=2)
RUN = SimpleNamespace(run_id="run 1", logical_date=None, run_after=datetime(2026, 3, 1, 2, tzinfo=UTC))


@contextmanager
def another_session(url: str, statement: str) -> Iterator[None]:
    """A transaction of somebody else that stays open after a statement."""
    with psycopg.connect(url) as holder:
        holder.execute(statement.encode())
        yield


def counts(url: str) -> dict[str, int]:
    """How many rows each table has."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select relname from pg_class where relname ~ '^(comet_|creator)' and relkind = 'r'"
        )
        return {
            name: (connection.execute(f"select count(*) from {name}".encode()).fetchone() or (0,))[0]
            for (name,) in tables.fetchall()
        }


def test_a_python_task_does_not_wait_for_a_lock_to_its_end(comets_connection: str) -> None:
    with psycopg.connect(comets_connection, autocommit=True) as connection:
        Facts(connection).accept(run_id="run 1")
    before = counts(comets_connection)
    with another_session(comets_connection, "select from comet_runs for update"), connect(timeout=SHORT) as database:
        with pytest.raises(DatabaseTimeoutError) as ended:
            Ledger(database, "run 1", 0).make(Call("a route"), lambda: pytest.fail("the call was made"))
        assert "include/sql/landing/lock_run.sql waited too long for a lock" in str(ended.value)
        assert 'in relation "comet_runs"' in str(ended.value)
        assert counts(comets_connection) == before
    assert CallRetryPolicy(settings().retries).evaluate(ended.value, 1, 20).action is RetryAction.RETRY
    assert CallRetryPolicy(settings().retries).evaluate(ended.value, 3, 20).action is RetryAction.FAIL


def test_the_connection_can_be_used_after_a_lock_was_not_to_be_had(comets_connection: str) -> None:
    with psycopg.connect(comets_connection, autocommit=True) as connection:
        Facts(connection).accept(run_id="run 1")
    with connect(timeout=SHORT) as database:
        with (
            another_session(comets_connection, "select from comet_runs for update"),
            pytest.raises(DatabaseTimeoutError),
            database.transaction(),
        ):
            database.fetch_one("landing/lock_run", run_id="run 1")
        assert database.fetch_one("landing/lock_run", run_id="run 1")


def test_a_statement_that_never_ends_is_ended_within_the_tasks_own_timeout(comets_connection: str) -> None:
    with psycopg.connect(comets_connection, autocommit=True) as connection:
        connection.execute(
            """
            create function dawdle() returns trigger language plpgsql as 'begin perform pg_sleep(600); return new; end';
            create trigger dawdle before insert on comet_runs for each row execute function dawdle();
            """
        )
    operator = AcceptRunOperator(task_id="accept_run", execution_timeout=SHORT)
    with pytest.raises(
        DatabaseTimeoutError, match=r"accept_run\.sql was ended .* statement timeout.*execution_timeout"
    ):
        operator.execute({"params": PARAMS, "dag_run": RUN})
    assert counts(comets_connection)["comet_runs"] == 0


@pytest.mark.parametrize("task_id", ["upsert_creators", "record_growth"])
def test_a_sql_step_does_not_wait_for_a_lock_to_its_end(comets_connection: str, task_id: str) -> None:
    with psycopg.connect(comets_connection, autocommit=True) as connection:
        Facts(connection).accept(run_id="run 1")
    before = counts(comets_connection)
    step: Any = DagBag(str(PROJECT_FOLDER / "dags")).dags["comet_discovery"].get_task(task_id)
    step.execution_timeout = SHORT
    context: Any = {"run_id": "run 1", "task": step, "ti": SimpleNamespace(start_date=noon(DAY))}
    step.render_template_fields(context)
    lock = "select pg_advisory_xact_lock(hashtextextended('comet_discovery', 0))"
    with another_session(comets_connection, lock), pytest.raises(psycopg.errors.LockNotAvailable) as ended:
        step.execute(context)
    assert counts(comets_connection) == before
    decision = CallRetryPolicy(settings().retries).evaluate(ended.value, 1, 20, context)
    assert decision.action is RetryAction.RETRY
    assert f"The task {task_id} waited too long for a lock" in str(decision.reason)
    assert "connection `comets_db`" in str(decision.reason)
    step.execute(context)
    assert counts(comets_connection)["comet_dates"] == (1 if task_id == "record_growth" else 0)


def test_every_sql_step_of_every_dag_begins_with_its_limits() -> None:
    for dag in DagBag(str(PROJECT_FOLDER / "dags")).dags.values():
        for task in dag.tasks:
            if isinstance(task, SQLExecuteQueryOperator):
                assert "statement_timeout" in str(task.parameters), task.task_id
                text = str(task.sql)
                text = (SQL_FOLDER / text).read_text(encoding="utf-8") if text.endswith(".sql") else text
                first = re.sub("--.*", "", text).split(";")[0]
                assert "set_config('statement_timeout'" in first, task.task_id
                assert "set_config('lock_timeout'" in first, task.task_id


def test_limits_hold_for_their_transaction_only_and_cost_no_round_trip(
    postgres: EmbeddedPostgres, comets_connection: str
) -> None:
    with relayed(postgres, comets_connection) as (connection, trips):
        database = Database(connection, timedelta(seconds=100))
        Facts(connection).accept(run_id="run 1")  # type: ignore[arg-type]
        trips.clear()
        assert database.fetch_one("landing/lock_run", run_id="run 1")
        assert len(trips) == 1
        with database.transaction():
            database.fetch_one("landing/lock_run", run_id="run 1")
            shown = connection.execute("show statement_timeout").fetchone()
            database.execute_many("landing/adopt_search", [{"run_id": "run 1", "hashtag": tag} for tag in "abc"])
        # The first statement with `begin`, the second, the three, `commit`.
        assert len(trips) == 4 + 1
        assert shown
        assert "79" in shown["statement_timeout"] or shown["statement_timeout"] == "80s"
        assert connection.execute("show statement_timeout").fetchone() == {"statement_timeout": "0"}
        assert connection.execute("show lock_timeout").fetchone() == {"lock_timeout": "0"}


@contextmanager
def relayed(postgres: EmbeddedPostgres, url: str) -> Iterator[tuple[psycopg.Connection[dict[str, Any]], list[str]]]:
    """A connection through a relay, and a list that gets an entry whenever the client speaks after the server."""
    trips: list[str] = []
    last_speaker = ["server"]
    server = socket.socket(socket.AF_UNIX)
    server.connect(str(postgres.socket_folder / f".s.PGSQL.{postgres.port}"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]

        def pump(source: socket.socket, target: socket.socket, speaker: str) -> None:
            while data := source.recv(65_536):
                if speaker == "client" and last_speaker[0] == "server":
                    trips.append(speaker)
                last_speaker[0] = speaker
                target.sendall(data)
            target.close()

        def serve() -> None:
            client, _ = listener.accept()
            threading.Thread(target=pump, args=(server, client, "server"), daemon=True).start()
            pump(client, server, "client")

        threading.Thread(target=serve, daemon=True).start()
        parts = psycopg.conninfo.conninfo_to_dict(url)
        with psycopg.connect(
            host="127.0.0.1",
            port=port,
            user=str(parts["user"]),
            dbname=str(parts["dbname"]),
            sslmode="disable",
            autocommit=True,
            row_factory=dict_row,
            prepare_threshold=None,
        ) as connection:
            yield connection, trips
