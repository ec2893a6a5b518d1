"""The service `airflow-init` on an empty PostgreSQL server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from include.stack.environment import METADATA_VARIABLE
from include.stack.postgres import EmbeddedPostgres
from tests.docker.compose import HOME, PROJECT_FOLDER, SERVICES, environment_of

SETTINGS_FILE = PROJECT_FOLDER / "include" / "comets.yaml"


@dataclass(frozen=True)
class Server:
    """A server like that of the image `postgres`: one superuser with a password, one database."""

    port: int
    password: str

    def query(self, database: str, statement: str) -> list[tuple[object, ...]]:
        """Run a query as the containers' user."""
        url = f"postgresql://airflow:{quote(self.password, safe='')}@127.0.0.1:{self.port}/{database}"
        with psycopg.connect(url) as connection:
            return connection.execute(statement.encode()).fetchall()


@pytest.fixture
def server(secrets: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    """A server with password logins over TCP."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with EmbeddedPostgres(tmp_path / "postgres", durable=False, listen_port=port) as embedded:
        role = sql.SQL("create role airflow superuser login password {}").format(secrets["POSTGRES_PASSWORD"])
        with psycopg.connect(embedded.url(), autocommit=True) as connection:
            connection.execute(role)
        embedded.create_database("airflow")
        yield Server(port, secrets["POSTGRES_PASSWORD"])


def run_init(secrets: dict[str, str], server: Server, folder: Path, settings_file: Path = SETTINGS_FILE) -> str:
    """Run the service's command; return its output."""
    declared = environment_of("airflow-init", secrets)
    command = [sys.executable if part == "python" else part for part in SERVICES["airflow-init"]["command"]]
    result = subprocess.run(
        [sys.executable, "-m", "include.docker", *command],
        cwd=PROJECT_FOLDER,
        env={
            **declared,
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AIRFLOW_HOME": str(folder / "airflow"),
            "PYTHONPATH": declared["PYTHONPATH"].replace(HOME, str(PROJECT_FOLDER)),
            METADATA_VARIABLE: declared[METADATA_VARIABLE].replace("@postgres:5432", f"@127.0.0.1:{server.port}"),
            "COMETS_SETTINGS_FILE": str(settings_file),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_init_creates_both_databases_and_the_pool_and_is_idempotent(
    secrets: dict[str, str], server: Server, tmp_path: Path
) -> None:
    pool = "select slots, include_deferred from slot_pool where pool = 'tikhub'"
    output = run_init(secrets, server, tmp_path)
    assert server.query("airflow", "select count(*) > 0 from alembic_version") == [(True,)]
    assert server.query("airflow", pool) == [(4, False)]
    assert server.query("comets", "select version from comet_schema") == [(10,)]
    assert [value for value in secrets.values() if value in output] == []

    more_slots = tmp_path / "comets.yaml"
    more_slots.write_text(SETTINGS_FILE.read_text(encoding="utf-8").replace("pool_slots: auto", "pool_slots: 7"))
    keep = "insert into creators (user_id, handle) values ('1', 'kept') returning user_id"
    assert server.query("comets", keep) == [("1",)]
    run_init(secrets, server, tmp_path, more_slots)
    assert server.query("airflow", pool) == [(7, False)]
    assert server.query("comets", "select handle from creators") == [("kept",)]
