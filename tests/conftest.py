"""Shared fixtures: Airflow's environment, one embedded PostgreSQL and one sandbox."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from include.sandbox.client import SandboxClient
from include.sandbox.server import running_sandbox
from include.stack.postgres import EmbeddedPostgres

PROJECT_FOLDER = Path(__file__).resolve().parents[1]
SCHEMA_FILE = PROJECT_FOLDER / "include" / "sql" / "setup_database.sql"

PROFILE_VARIABLE = "COMETS_TEST_PROFILE"

pytest_plugins = ["tests.steps.fixtures"]

# Airflow reads its environment at import, which happens during collection.
TEST_FOLDER = Path(tempfile.mkdtemp(prefix="comets-tests-"))
atexit.register(shutil.rmtree, TEST_FOLDER, ignore_errors=True)
POSTGRES = EmbeddedPostgres(TEST_FOLDER / "postgres", durable=False)
FAST_SETTINGS = TEST_FOLDER / "comets.yaml"
FAST_SETTINGS.write_text(
    (PROJECT_FOLDER / "include" / "comets.yaml")
    .read_text(encoding="utf-8")
    .replace("delay_seconds: 10", "delay_seconds: 0")
    .replace("max_delay_seconds: 60", "max_delay_seconds: 0")
    .replace("requests_per_second: 1\n", "requests_per_second: 1000\n"),
    encoding="utf-8",
)
REQUIRED = frozenset(os.environ.get("COMETS_REQUIRE", "").split())
for name in [name for name in os.environ if name.startswith(("AIRFLOW", "TIKHUB_", "COMETS_"))]:
    if name == PROFILE_VARIABLE:
        continue
    del os.environ[name]
os.environ.update(
    AIRFLOW_HOME=str(TEST_FOLDER / "airflow"),
    AIRFLOW__CORE__DAGS_FOLDER=str(PROJECT_FOLDER / "dags"),
    AIRFLOW__CORE__PLUGINS_FOLDER=str(PROJECT_FOLDER / "plugins"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=POSTGRES.sqlalchemy_url("airflow"),
    COMETS_SETTINGS_FILE=str(FAST_SETTINGS),
)


settings.register_profile("normal", max_examples=400, deadline=None)
settings.register_profile("long", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get(PROFILE_VARIABLE) or "normal")


# Started first, so that both processes of `make test` end at about the same time.
LONGEST_FILES = (
    "test_lost_workers.py",
    "test_demo.py",
    "test_containers.py",
    "test_crash_recovery.py",
    "test_backfills.py",
    "test_tables_are_a_function_of_facts.py",
    "test_fault_matrix.py",
    "test_roll_call.py",
)

SHARED_STACK_FILES = (
    "stack/test_crash_recovery.py",
    "stack/test_backfills.py",
    "stack/test_erasure.py",
    "stack/test_runbook.py",
    "stack/page/",
)


def ring_of(item: pytest.Item) -> str:
    """Return the ring of a test by its folder and fixtures."""
    room = item.path.relative_to(PROJECT_FOLDER / "tests").parts[0]
    if room == "stack":
        return "stack"
    if room in ("dags", "page"):
        return "dags"
    return "sql" if "postgres" in getattr(item, "fixturenames", ()) else "unit"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its ring, and put the longest files first."""
    for item in items:
        item.add_marker(ring_of(item))
    places = {name: place for place, name in enumerate(LONGEST_FILES)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


class ByFixtures(LoadScopeScheduling):  # type: ignore[misc]
    """Run the tests of one file, or of files that share a stack, in one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "a stack" if any(name in file for name in SHARED_STACK_FILES) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFixtures:
    """Return the scheduler of `make test`."""
    return ByFixtures(config, log)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The embedded server of the test session."""
    with POSTGRES as server:
        yield server


@pytest.fixture(scope="session")
def new_database(postgres: EmbeddedPostgres) -> Callable[[], str]:
    """Create an empty database; return its URL."""

    def make() -> str:
        name = f"test_{uuid4().hex}"
        postgres.create_database(name)
        return postgres.url(name)

    return make


@pytest.fixture(scope="session")
def schema_template(postgres: EmbeddedPostgres) -> str:
    """Name of a database with the schema."""
    name = "comets_template"
    postgres.create_database(name)
    with psycopg.connect(postgres.url(name), autocommit=True) as connection:
        connection.execute(SCHEMA_FILE.read_text(encoding="utf-8").encode())
    return name


@contextmanager
def copied_database(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """Copy a database that has no connections; yield the copy's URL and drop it at the end."""
    name = f"comets_{uuid4().hex}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template))
        )
        yield postgres.url(name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, schema_template: str) -> Iterator[str]:
    """URL of an empty creators' database for this test."""
    with copied_database(postgres, schema_template) as url:
        yield url


@pytest.fixture(scope="session")
def running_server() -> Iterator[SandboxClient]:
    """The sandbox of the test session."""
    with running_sandbox() as client:
        yield client


@pytest.fixture
def sandbox(running_server: SandboxClient) -> SandboxClient:
    """The reset sandbox: no calls, no faults, real time."""
    running_server.clear()
    return running_server


def tikhub_connection_to(sandbox: SandboxClient, key: str) -> str:
    """Return an Airflow connection to the sandbox in JSON form."""
    return json.dumps({"conn_type": "http", "host": sandbox.url, "password": key})


@pytest.fixture
def tikhub_connection(sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch) -> str:
    """Point the Airflow connection `tikhub` to the sandbox; return the key."""
    key = "key-of-the-tests-0123456789"
    monkeypatch.setenv("AIRFLOW_CONN_TIKHUB", tikhub_connection_to(sandbox, key))
    return key


def postgres_connection(url: str) -> str:
    """Return an Airflow connection to a database in JSON form."""
    parts = psycopg.conninfo.conninfo_to_dict(url)
    connection = {
        "conn_type": "postgres",
        "host": parts["host"],
        "port": int(str(parts["port"])),
        "login": parts["user"],
        "schema": parts["dbname"],
    }
    return json.dumps(connection)


@pytest.fixture
def comets_connection(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Point the Airflow connection `comets_db` to this test's database; return its URL."""
    monkeypatch.setenv("AIRFLOW_CONN_COMETS_DB", postgres_connection(database_url))
    return database_url
