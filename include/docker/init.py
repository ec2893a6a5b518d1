"""Set up databases, roles and the pool: `python -m include.docker.init`, the idempotent service `airflow-init`.

Without the pool, tasks would stay queued with no log.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import URL, make_url

from comets.settings import SettingsError
from include.docker.__main__ import CONFIGURED_VARIABLE, with_secrets
from include.stack.backup import Deployment, back_up_before_upgrade, options_of_url
from include.stack.database import apply_schema, connect
from include.stack.dumps import Place, options_of
from include.stack.environment import (
    COMETS_DATABASE,
    METADATA_DATABASE,
    METADATA_VARIABLE,
    SANDBOX_DATABASE,
    Environment,
    SettingError,
    resolve,
)
from include.stack.errors import StackError
from include.stack.metadata import setup_commands
from include.stack.output import note, say
from include.stack.project import SQL_FOLDER

COPIED_VARIABLE = "COMETS_COPIED"
BACKUPS_VARIABLE = "COMETS_BACKUPS_FOLDER"
SUPERUSER = "airflow"
SUPERUSER_PASSWORD = "POSTGRES_PASSWORD"  # noqa: S105
OWNERS = {METADATA_DATABASE: "airflow_metadata", COMETS_DATABASE: "comets_owner", SANDBOX_DATABASE: "comets_owner"}
# The roles of the Dags and of the page, and whether one only reads.
CLIENTS = {"comets_app": False, "comets_page": True}


def main() -> int:
    """Run all steps and return the exit code; Compose starts nothing else after a failure."""
    try:
        secrets = with_secrets(os.environ)
        require_copied_settings(secrets)
        with TemporaryDirectory() as state:
            environment = resolve({**os.environ, "COMETS_STATE_DIR": state})
            server = make_url(os.environ[METADATA_VARIABLE])
            database = environment.database
            owner = (server.host, server.port, OWNERS[COMETS_DATABASE])
            is_bundled = (database.get("host"), database.get("port"), database.get("login")) == owner
            if SUPERUSER_PASSWORD in secrets:
                set_up_server(server, secrets, [database["schema"]] if is_bundled else [])
            if BACKUPS_VARIABLE in os.environ:
                deployment = container_deployment(environment, secrets, Path(os.environ[BACKUPS_VARIABLE]))
                back_up_before_upgrade(deployment, upgrades_tables=True, migrates_airflow=True)
            for command in setup_commands():
                subprocess.run(command, check=True)  # noqa: S603
            apply_schema(environment)
            if is_bundled:
                grant_rights(environment)
    except (StackError, SettingsError, psycopg.Error, subprocess.CalledProcessError) as error:
        note(f"Error: {error}")
        return 1
    say("Both databases are ready.")
    return 0


def require_copied_settings(secrets: Mapping[str, str]) -> None:
    """Check that secrets.sh has run since a secret setting was added to .env or removed from it.

    :raises SettingError: names the settings.
    """
    if COPIED_VARIABLE not in secrets:
        return
    configured, copied = (set(secrets.get(name, "").split()) for name in (CONFIGURED_VARIABLE, COPIED_VARIABLE))
    if configured != copied:
        names = ", ".join(sorted(configured ^ copied))
        raise SettingError(f".env and the folder secrets differ in {names}. Run: sh include/docker/secrets.sh")


def set_up_server(server: URL, secrets: Mapping[str, str], databases: Sequence[str]) -> None:
    """Create the roles and databases of the bundled server, or bring those of an earlier version up to date.

    In earlier versions everything belonged to the superuser.

    :param server: Airflow's database.
    :param databases: names of the databases to create unless they exist.
    """
    options: dict[str, Any] = {
        "host": server.host,
        "port": server.port,
        "user": SUPERUSER,
        "password": secrets[SUPERUSER_PASSWORD],
    }
    with psycopg.connect(make_conninfo(dbname=METADATA_DATABASE, **options), autocommit=True) as connection:
        for role in (*dict.fromkeys(OWNERS.values()), *CLIENTS):
            set_up_role(connection, role, secrets[f"{role.upper()}_PASSWORD"])
        existing = {name for (name,) in connection.execute("select datname from pg_database where datallowconn")}
        for name in set(databases) - existing:
            connection.execute(
                sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(OWNERS[name]))
            )
        for name in existing.union(databases):
            connection.execute(sql.SQL("revoke connect on database {} from public").format(sql.Identifier(name)))
    for name in OWNERS.keys() & existing.union(databases):
        with psycopg.connect(make_conninfo(dbname=name, **options), autocommit=True) as connection:
            connection.execute("select set_config('comets.owner', %s, false)", [OWNERS[name]])
            connection.execute((SQL_FOLDER / "database" / "hand_over.sql").read_bytes())


def container_deployment(environment: Environment, secrets: Mapping[str, str], folder: Path) -> Deployment:
    """Return the databases of the Compose project: real creators, not made-up ones."""
    metadata = options_of_url(environment.variables[METADATA_VARIABLE])
    admin = None
    if SUPERUSER_PASSWORD in secrets:
        login = {"user": SUPERUSER, "password": secrets[SUPERUSER_PASSWORD], "dbname": "postgres"}
        admin = {**metadata, **login}
    creators = options_of(environment.database)
    owner = {**metadata, "user": OWNERS[COMETS_DATABASE]}
    if all(creators.get(name) == owner[name] for name in ("host", "port", "user")):
        place = Place("the creators' database", {**creators, "dbname": COMETS_DATABASE}, admin)
    else:
        place = Place("the creators' database", creators, is_shared=True)
    return Deployment(place, Place("Airflow's database", metadata, admin), None, folder)


def set_up_role(connection: psycopg.Connection[Any], name: str, password: str) -> None:
    """Create a login role without any right beyond those granted to it, or set its password."""
    role = sql.Identifier(name)
    if not connection.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone():
        connection.execute(sql.SQL("create role {}").format(role))
    # The server's log shows statements, so it gets the verifier.
    verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    connection.execute(
        sql.SQL("alter role {} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password {}").format(
            role, sql.Literal(verifier)
        )
    )


def grant_rights(environment: Environment) -> None:
    """Grant the roles of the Dags and of the page their rights on the tables, as the owner of the tables."""
    for role, is_read_only in CLIENTS.items():
        with connect(environment) as connection:
            connection.execute(
                "select set_config('comets.role', %s, false), set_config('comets.read_only', %s, false)",
                [role, str(is_read_only).lower()],
            )
            connection.execute((SQL_FOLDER / "grant_role.sql").read_bytes())


if __name__ == "__main__":
    sys.exit(main())
