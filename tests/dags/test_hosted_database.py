"""The Dag on a hosted database: a restricted role, a pooler in transaction mode, required TLS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row

from include.sandbox.client import SandboxClient
from include.stack.connections import database_connection
from include.stack.database import DatabaseError, apply_schema
from include.stack.environment import resolve
from include.stack.ports import free_port
from include.stack.postgres import EmbeddedPostgres
from tests.conftest import SCHEMA_FILE, tikhub_connection_to
from tests.dags.worlds import RunDag
from tests.pooler import running_pgbouncer

ROLE = "comets_app"
PASSWORD = "p@ss:w/rd%#1 x"
SMALL = {"hashtags": ["gymtok"], "pages_per_hashtag": 1, "page_size": 10}
LOGICAL_DATE = "2026-03-01T02:00:00+00:00"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server with passwords, the schema in its database `comets`, and a role for the Dag."""
    folder = tmp_path_factory.mktemp("hosted")
    with EmbeddedPostgres(folder, durable=False, listen_port=free_port()) as server:
        server.create_database("comets")
        with psycopg.connect(server.url("comets"), autocommit=True) as connection:
            connection.execute(f"create role {ROLE} login password '{PASSWORD}'".encode())
            connection.execute(SCHEMA_FILE.read_bytes())
            connection.execute(SCHEMA_FILE.with_name("grant_role.sql").read_bytes())
        yield server


def direct(server: EmbeddedPostgres, _: Path, __: ExitStack) -> str:
    """Return the URL of the server."""
    return f"postgresql://{ROLE}:{PASSWORD}@127.0.0.1:{server.port}/comets"


def pooled(server: EmbeddedPostgres, folder: Path, stack: ExitStack) -> str:
    """Return the URL of a pooler, with the options of a hosted connection string."""
    port = stack.enter_context(running_pgbouncer(folder, server, {ROLE: PASSWORD}))
    return f"postgresql://{ROLE}:{PASSWORD}@127.0.0.1:{port}/comets?sslmode=require&supa=base-pooler.x"


@pytest.mark.parametrize("door", [direct, pooled])
def test_restricted_role_runs_the_dag(
    door: Callable[[EmbeddedPostgres, Path, ExitStack], str],
    server: EmbeddedPostgres,
    dag_runner: RunDag,
    sandbox: SandboxClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TIKHUB", tikhub_connection_to(sandbox, "key-of-the-tests-0123456789"))
    with (
        ExitStack() as stack,
        psycopg.connect(server.url("comets"), autocommit=True, row_factory=dict_row) as owner,
    ):
        url = door(server, tmp_path, stack)
        monkeypatch.setenv("AIRFLOW_CONN_COMETS_DB", database_connection(url))
        sandbox.set_clock(LOGICAL_DATE)
        outcome = dag_runner(LOGICAL_DATE, {**SMALL, "refresh": True})
        assert outcome.state == "success", outcome.tasks
        grown = owner.execute("select count(*) as row_count from creator_stats").fetchone()
        assert grown
        assert grown["row_count"] > 0
        for _ in range(4):
            target = json.loads(database_connection(url))
            with psycopg.connect(
                host=target["host"],
                port=target["port"],
                dbname="comets",
                user=ROLE,
                password=PASSWORD,
                prepare_threshold=None,
            ) as connection:
                assert connection.execute("show statement_timeout").fetchone() == ("0",)
                assert connection.execute("show lock_timeout").fetchone() == ("0",)
                assert connection.execute("select count(*) from pg_prepared_statements").fetchone() == (0,)


def test_restricted_role_starts_the_stack_when_tables_exist(server: EmbeddedPostgres, tmp_path: Path) -> None:
    parts = {"DB_HOST": "127.0.0.1", "DB_PORT": str(server.port), "DB_USER": ROLE, "DB_PASSWORD": PASSWORD}
    state = {"COMETS_STATE_DIR": str(tmp_path / "state")}
    apply_schema(resolve({**state, **parts, "DB_NAME": "comets"}, tmp_path))
    with pytest.raises(DatabaseError, match=r"(?s)permission denied.*Run it once as the owner") as caught:
        apply_schema(resolve({**state, **parts, "DB_NAME": "postgres"}, tmp_path))
    assert PASSWORD not in str(caught.value)
