"""The creators' database: connecting to it, and the schema file."""

import json
import re
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.stack.environment import Environment
from include.stack.errors import StackError
from include.stack.project import PROJECT, SCHEMA_FILE, SQL_FOLDER

# Airflow's own hints in a connection's extra; everything else there is for psycopg.
NOT_FOR_PSYCOPG = frozenset({"sqlalchemy_scheme", "sqlalchemy_query", "cursor", "iam", "aws_conn_id", "azure_conn_id"})


class DatabaseError(StackError):
    """The creators' database cannot be used; the text says which one and why, without its password."""


def connect(environment: Environment, seconds: int = 20) -> psycopg.Connection[dict[str, Any]]:
    """Connect to the creators' database, within so many seconds.

    :raises DatabaseError: it cannot be reached or refuses the login.
    """
    target = environment.database
    options: dict[str, Any] = {
        "host": target.get("host"),
        "port": target.get("port"),
        "dbname": target.get("schema"),
        "user": target.get("login"),
        "password": target.get("password"),
        "connect_timeout": seconds,
    }
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    given |= {name: value for name, value in read_extra(target).items() if name not in NOT_FOR_PSYCOPG}
    try:
        return psycopg.connect(**given, autocommit=True, row_factory=dict_row)
    except psycopg.Error as error:
        raise DatabaseError(f"Cannot use {describe(environment)}: {' '.join(str(error).split())}") from None


def read_extra(target: dict[str, Any]) -> dict[str, Any]:
    """Return a connection's extra, which Airflow accepts as an object and as a text holding one."""
    extra = target.get("extra") or {}
    try:
        return dict(json.loads(extra) if isinstance(extra, str) else extra)
    except ValueError:
        raise DatabaseError("The extra of AIRFLOW_CONN_COMETS_DB is not valid JSON.") from None


def describe(environment: Environment) -> str:
    """Name the creators' database for a person, without its password."""
    if environment.database_source is None:
        return (
            "the embedded PostgreSQL, for made-up creators only"
            if environment.is_sandbox
            else "the embedded PostgreSQL"
        )
    target = environment.database
    place = f"{target.get('host') or 'the default host'}:{target.get('port') or 5432}"
    return f"database {target.get('schema')} at {place} as {target.get('login')} (from {environment.database_source})"


def has_schema(environment: Environment) -> bool:
    """Tell whether the schema file, of whatever version, was ever run on the creators' database."""
    with connect(environment) as connection:
        row = connection.execute("select to_regclass('comet_schema') is not null as is_there").fetchone()
    return bool(row and row["is_there"])


def apply_schema(environment: Environment) -> None:
    """Run the schema file, which changes nothing where its tables exist already.

    A login that may not change tables (see include/sql/grant_role.sql) leaves them as they are.

    :raises DatabaseError: the database cannot be used or refuses a statement, and its tables are not those of the file.
    """
    with connect(environment) as connection:
        try:
            connection.execute(SCHEMA_FILE.read_bytes())
        except psycopg.errors.InsufficientPrivilege as error:
            connection.execute("rollback")
            if not is_current(connection):
                raise DatabaseError(f"{refusal(environment, error)} Run it once as the owner of the tables.") from None
        except psycopg.Error as error:
            raise DatabaseError(refusal(environment, error)) from None


def refusal(environment: Environment, error: psycopg.Error) -> str:
    """Say that the schema file could not be run."""
    return f"{SCHEMA_FILE.relative_to(PROJECT)} failed on {describe(environment)}: {str(error).strip()}"


def require_current(connection: psycopg.Connection[dict[str, Any]], environment: Environment) -> None:
    """Check that the tables are those of the schema file, and that this login may do what a run needs.

    :raises DatabaseError: says what is missing and which file to run.
    """
    access = connection.execute((SQL_FOLDER / "database" / "read_access.sql").read_bytes()).fetchone() or {}
    if not is_current(connection):
        raise DatabaseError(f"{describe(environment)} has not the tables of this version: make setup-database")
    if access.get("missing"):
        lacking = ", ".join(access["missing"])
        raise DatabaseError(f"{describe(environment)} lacks {lacking}: run include/sql/grant_role.sql as the owner")


def is_current(connection: psycopg.Connection[dict[str, Any]]) -> bool:
    """Tell whether the tables are those of the schema file, as far as this login can see."""
    wanted = re.search(r"update comet_schema\s+set version = (\d+)", SCHEMA_FILE.read_text(encoding="utf-8"))
    try:
        row = connection.execute("select max(version) as version from comet_schema").fetchone()
    except psycopg.Error:
        return False
    return bool(wanted and row and row["version"] == int(wanted[1]))
