"""The service `airflow-init` on PostgreSQL servers that are empty or of an earlier version."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from include.docker.__main__ import SECRETS_FOLDER, SERVER_VARIABLE
from include.docker.init import COPIED_VARIABLE
from include.stack.connections import database_connection
from include.stack.environment import METADATA_VARIABLE
from include.stack.postgres import SUPERUSER, EmbeddedPostgres
from tests.docker.compose import HOME, PROJECT_FOLDER, SERVICES, fill_in, make_secrets
from tests.docker.containers import create_superuser

SETTINGS_FILE = PROJECT_FOLDER / "include" / "comets.yaml"
SCHEMA_FILE = PROJECT_FOLDER / "include" / "sql" / "setup_database.sql"
PASSWORDS = {
    "airflow": "POSTGRES_PASSWORD",
    "airflow_metadata": "AIRFLOW_METADATA_PASSWORD",
    "comets_owner": "COMETS_OWNER_PASSWORD",
    "comets_app": "COMETS_APP_PASSWORD",
    "comets_page": "COMETS_PAGE_PASSWORD",
}
FOREIGN_OWNERS = """
    select class.relname::text
    from pg_class as class
    where class.relnamespace = 'public'::regnamespace and class.relowner::regrole::text <> %(owner)s
    union all
    select proname::text
    from pg_proc
    where pronamespace = 'public'::regnamespace and proowner::regrole::text <> %(owner)s
    union all
    select typname::text
    from pg_type
    where typnamespace = 'public'::regnamespace and typowner::regrole::text <> %(owner)s
    union all
    select datname::text
    from pg_database
    where datname = current_database() and datdba::regrole::text <> %(owner)s
"""


@dataclass(frozen=True)
class Server:
    """A server like that of the image `postgres`: one superuser with a password, one database.

    :param folder: the project's, with the folder secrets.
    """

    port: int
    folder: Path

    def connect(self, role: str, database: str) -> psycopg.Connection[tuple[object, ...]]:
        """Connect as a role with its password."""
        password = (self.folder / "secrets" / PASSWORDS[role]).read_text(encoding="utf-8")
        address = make_conninfo(host="127.0.0.1", port=self.port, user=role, password=password, dbname=database)
        return psycopg.connect(address, autocommit=True)

    def query(
        self, database: str, statement: str, role: str = "airflow", **parameters: str
    ) -> list[tuple[object, ...]]:
        """Run a query; by default as the superuser."""
        with closing(self.connect(role, database)) as connection:
            return connection.execute(statement.encode(), parameters or None).fetchall()

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command, by default the service's own, in the environment of the service."""
        declared = SERVICES["airflow-init"]["environment"]
        values = {name: fill_in(text, {}) for name, text in declared.items() if text is not None}
        program = [
            sys.executable if part == "python" else part for part in command or SERVICES["airflow-init"]["command"]
        ]
        here = {
            name: values[name].replace("@postgres:5432", f"@127.0.0.1:{self.port}")
            for name in (METADATA_VARIABLE, SERVER_VARIABLE)
        }
        return subprocess.run(
            program,
            cwd=PROJECT_FOLDER,
            env={
                **values,
                **here,
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "AIRFLOW_HOME": str(self.folder / "airflow"),
                "AIRFLOW_CONFIG": str(self.folder / "airflow.cfg"),
                "PYTHONPATH": values["PYTHONPATH"].replace(HOME, str(PROJECT_FOLDER)),
                SECRETS_FOLDER: str(self.folder / "secrets"),
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def run_init(self, **variables: str) -> str:
        """Run the service; return its output."""
        result = self.run(**variables)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout + result.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on which init has run."""
    yield from new_server(tmp_path_factory.mktemp("project"), runs_init=True)


@pytest.fixture
def old_server(tmp_path: Path) -> Iterator[Server]:
    """A server on which init has never run."""
    yield from new_server(tmp_path, runs_init=False)


def new_server(folder: Path, *, runs_init: bool) -> Iterator[Server]:
    """Start a server with password logins over TCP."""
    secrets = make_secrets(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with EmbeddedPostgres(folder / "postgres", durable=False, listen_port=port) as embedded:
        create_superuser(embedded, secrets["POSTGRES_PASSWORD"])
        server = Server(port, folder)
        if runs_init:
            output = server.run_init()
            assert [name for name, value in secrets.items() if value and value in output] == []
        yield server


def test_init_creates_both_databases_and_the_pool(server: Server) -> None:
    assert server.query("airflow", "select count(*) > 0 from alembic_version") == [(True,)]
    pool = "select slots, include_deferred from slot_pool where pool = 'tikhub'"
    assert server.query("airflow", pool) == [(4, False)]
    assert server.query("comets", "select version from comet_schema") == [(10,)]


def test_second_init_keeps_rows_and_applies_new_settings(server: Server, tmp_path: Path) -> None:
    more_slots = tmp_path / "comets.yaml"
    more_slots.write_text(SETTINGS_FILE.read_text(encoding="utf-8").replace("pool_slots: auto", "pool_slots: 7"))
    keep = "insert into creators (user_id, handle) values ('1', 'kept') returning user_id"
    assert server.query("comets", keep, "comets_app") == [("1",)]
    (server.folder / "secrets" / "COMETS_PAGE_PASSWORD").write_text("a new p@ss:w/rd")
    server.run_init(COMETS_SETTINGS_FILE=str(more_slots))
    assert server.query("airflow", "select slots from slot_pool where pool = 'tikhub'") == [(7,)]
    assert server.query("comets", "select handle from creators", "comets_page") == [("kept",)]


@pytest.mark.parametrize("role", sorted(PASSWORDS.keys() - {"airflow"}))
def test_roles_have_no_attribute_beyond_login(server: Server, role: str) -> None:
    attributes = "rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
    found = server.query("airflow", f"select {attributes} from pg_roles where rolname = %(name)s", name=role)
    assert found == [(True, False, False, False, False, False)]
    members = "select count(*) from pg_auth_members where member = %(name)s::regrole"
    assert server.query("airflow", members, name=role) == [(0,)]


@pytest.mark.parametrize(
    ("role", "databases"),
    [
        ("airflow_metadata", ["comets", "postgres", "template1"]),
        ("comets_owner", ["airflow", "postgres", "template1"]),
        ("comets_app", ["airflow", "postgres", "template1"]),
        ("comets_page", ["airflow", "postgres", "template1"]),
    ],
)
def test_roles_connect_to_no_other_database(server: Server, role: str, databases: list[str]) -> None:
    for database in databases:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            server.connect(role, database)


def test_dags_write_and_page_only_reads(server: Server) -> None:
    add = "insert into creators (user_id) values ('2') returning user_id"
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        server.query("comets", add, "comets_page")
    assert server.query("comets", add, "comets_app") == [("2",)]
    assert server.query("comets", "select user_id from creators where user_id = '2'", "comets_page") == [("2",)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        server.query("comets", "drop table creators", "comets_app")


def test_each_owner_owns_its_database(server: Server) -> None:
    for database, owner in (("airflow", "airflow_metadata"), ("comets", "comets_owner")):
        assert server.query(database, FOREIGN_OWNERS, owner=owner) == []


def test_volume_of_an_earlier_version_changes_hands_and_loses_nothing(old_server: Server) -> None:
    """Earlier versions worked as the superuser; both databases are used, and the made-up creators' too."""
    migrated = old_server.run(
        *("python", "-m", "include.docker", "airflow", "db", "migrate"),
        **{
            METADATA_VARIABLE: f"postgresql+psycopg2://airflow:{secret(old_server)}@127.0.0.1:{old_server.port}/airflow"
        },
    )
    assert migrated.returncode == 0, migrated.stderr
    old_server.query(
        "airflow", "insert into slot_pool (pool, slots, include_deferred) values ('mine', 3, false) returning 1"
    )
    for database in ("comets", "comets_sandbox"):
        with closing(old_server.connect("airflow", "airflow")) as connection:
            connection.execute(f"create database {database}".encode())
        with closing(old_server.connect("airflow", database)) as connection:
            connection.execute(SCHEMA_FILE.read_bytes())
            connection.execute("insert into creators (user_id, handle) values ('1', 'kept')")
            connection.execute(
                "create schema mine; create type mine.mood as enum ('well'); create domain mine.n as int"
            )
            connection.execute('create table mine."a b" (id serial, mood mine.mood, n mine.n)')

    for _ in range(2):
        old_server.run_init()
    for database, owner in (
        ("airflow", "airflow_metadata"),
        ("comets", "comets_owner"),
        ("comets_sandbox", "comets_owner"),
    ):
        assert old_server.query(database, FOREIGN_OWNERS, owner=owner) == [], database
    assert old_server.query("airflow", "select slots from slot_pool where pool = 'mine'", "airflow_metadata") == [(3,)]
    assert old_server.query("comets", "select handle from creators", "comets_page") == [("kept",)]
    assert old_server.query("comets_sandbox", "select handle from creators", "comets_owner") == [("kept",)]
    assert old_server.query("comets", 'insert into mine."a b" default values returning id', "comets_owner") == [(1,)]
    for database in ("airflow", "comets_sandbox"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            old_server.connect("comets_app", database)
    old_server.run_init(COMPOSE_PROFILES="sandbox")
    assert old_server.query("comets_sandbox", "select handle from creators", "comets_app") == [("kept",)]


def test_database_of_yours_gets_the_tables_and_no_role(old_server: Server, tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "yours", durable=False) as yours:
        yours.create_database("creators")
        with psycopg.connect(yours.url("creators"), autocommit=True) as connection:
            # Named like the bundled owner by chance.
            connection.execute("create role comets_owner superuser login")
            url = yours.url("creators").replace(f"{SUPERUSER}@", "comets_owner@")
            assert "comets_owner" in url
            (tmp_path / "secrets" / "database.env").write_text(f"AIRFLOW_CONN_COMETS_DB='{database_connection(url)}'")
            old_server.run_init()
            assert connection.execute("select version from comet_schema").fetchone() == (10,)
            assert connection.execute("select 1 from pg_roles where rolname = 'comets_app'").fetchone() is None
    names = [name for (name,) in old_server.query("airflow", "select datname::text from pg_database order by 1")]
    assert names == ["airflow", "postgres", "template0", "template1"]


def secret(server: Server) -> str:
    """Return the superuser's password."""
    return (server.folder / "secrets" / "POSTGRES_PASSWORD").read_text(encoding="utf-8")


@pytest.mark.parametrize(("configured", "copied"), [("TIKHUB_API_KEY", ""), ("", "DATABASE_URL")])
def test_setting_that_the_secrets_lack_stops_init(tmp_path: Path, configured: str, copied: str) -> None:
    make_secrets(tmp_path)
    result = Server(1, tmp_path).run(COMETS_CONFIGURED=configured, **{COPIED_VARIABLE: copied})
    assert result.returncode == 1
    assert f"differ in {configured or copied}. Run: sh include/docker/secrets.sh" in result.stderr
