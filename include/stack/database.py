"""The creators' database: connection and schema."""

import json
import re
from datetime import date
from ipaddress import ip_address
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.stack.environment import Environment
from include.stack.errors import StackError
from include.stack.output import warn
from include.stack.project import PROJECT, REPAIR_FILE, SCHEMA_FILE, SQL_FOLDER

AIRFLOW_ONLY_OPTIONS = frozenset(
    {"sqlalchemy_scheme", "sqlalchemy_query", "cursor", "iam", "aws_conn_id", "azure_conn_id"}
)


WEAK_TLS_MODES = (b"disable", b"allow", b"prefer")


class DatabaseError(StackError):
    """The creators' database cannot be used; the text names it and the cause, not its password."""


def connect(environment: Environment, seconds: int = 20) -> psycopg.Connection[dict[str, Any]]:
    """Connect to the creators' database.

    :param seconds: timeout.
    :raises DatabaseError: the database is unreachable or rejects the login.
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
    given |= {name: value for name, value in read_extra(target).items() if name not in AIRFLOW_ONLY_OPTIONS}
    try:
        connection = psycopg.connect(**given, autocommit=True, row_factory=dict_row)
    except psycopg.Error as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise DatabaseError(
            f"Can't connect to {describe(environment)}: {reason}. Check server, address and login."
        ) from None
    if not is_private(connection):
        warn(
            f"{environment.database_source} allows an unencrypted connection to {connection.info.host}. Add "
            "?sslmode=verify-full&sslrootcert=FILE to the URL: see docs/howto/supabase.md"
        )
    return connection


def is_private(connection: psycopg.Connection[Any]) -> bool:
    """Return whether a connection stays on this machine, or had to be encrypted."""
    # Empty for a socket.
    address = connection.info.hostaddr
    mode = next(option.val for option in connection.pgconn.info if option.keyword == b"sslmode")
    return not address or ip_address(address).is_loopback or mode not in (None, *WEAK_TLS_MODES)


def read_extra(target: dict[str, Any]) -> dict[str, Any]:
    """Return a connection's extra, given as an object or as JSON text."""
    extra = target.get("extra") or {}
    try:
        return dict(json.loads(extra) if isinstance(extra, str) else extra)
    except ValueError:
        raise DatabaseError("AIRFLOW_CONN_COMETS_DB has an extra that is not valid JSON.") from None


def describe(environment: Environment) -> str:
    """Return a description of the creators' database, without its password."""
    if environment.database_source is None:
        return "embedded PostgreSQL (made-up creators)" if environment.is_sandbox else "embedded PostgreSQL"
    target = environment.database
    place = f"{target.get('host') or 'the default host'}:{target.get('port') or 5432}"
    return f"database {target.get('schema')} at {place} as {target.get('login')} (from {environment.database_source})"


def has_schema(environment: Environment) -> bool:
    """Return whether the schema file, in any version, was ever applied to the creators' database."""
    with connect(environment) as connection:
        row = connection.execute("select to_regclass('comet_schema') is not null as is_there").fetchone()
    return bool(row and row["is_there"])


def apply_schema(environment: Environment) -> None:
    """Apply the schema file, which is idempotent.

    A login without the right to change tables (include/sql/grant_role.sql) is accepted if the schema is current.

    :raises DatabaseError: the database is unreachable, or a statement fails.
    """
    with connect(environment) as connection:
        try:
            connection.execute(SCHEMA_FILE.read_bytes())
        except psycopg.errors.InsufficientPrivilege as error:
            connection.execute("rollback")
            if not is_current(connection):
                failure = describe_schema_failure(environment, error)
                raise DatabaseError(f"{failure} Run it once as the owner of the tables.") from None
        except psycopg.Error as error:
            raise DatabaseError(describe_schema_failure(environment, error)) from None


def repair_readings(environment: Environment) -> dict[date, int]:
    """Repair readings of the future; return the number of repaired answers by date.

    :raises DatabaseError: the database is unreachable, or a statement fails.
    """
    with connect(environment) as connection:
        try:
            cursor = connection.execute(REPAIR_FILE.read_bytes())
        except psycopg.Error as error:
            failure = f"{REPAIR_FILE.relative_to(PROJECT)} failed on {describe(environment)}"
            raise DatabaseError(f"{failure}: {str(error).strip()}. Nothing was changed.") from None
        answers = next(result.fetchall() for result in cursor.results() if result.description)
    return {row["recorded_date"]: row["repaired_answers"] for row in answers}


def describe_schema_failure(environment: Environment, error: psycopg.Error) -> str:
    """Return the message for a failed schema file."""
    return f"{SCHEMA_FILE.relative_to(PROJECT)} failed on {describe(environment)}: {str(error).strip()}"


def ensure_current_schema(
    connection: psycopg.Connection[dict[str, Any]], environment: Environment, command: str
) -> None:
    """Check the schema version and the privileges that a run needs.

    :param command: what applies the schema file in this deployment.
    :raises DatabaseError: the schema has another version or a privilege is missing; the text has the remedy.
    """
    statement = (SQL_FOLDER / "database" / "read_access.sql").read_bytes()
    access = connection.execute(statement, {"is_read_only": False}).fetchone() or {}
    place = describe(environment)
    if not access.get("is_set_up"):
        raise DatabaseError(f"{place} has no Comet tables. {command}")
    if access.get("missing"):
        missing = ", ".join(access["missing"])
        raise DatabaseError(f"{place} lacks {missing}. Run include/sql/grant_role.sql as the owner")
    found, wanted = read_schema_version(connection), schema_file_version()
    if found is None or found < wanted:
        raise DatabaseError(f"{place} has version {found} of the tables; this code needs {wanted}. {command}")
    if found > wanted:
        raise DatabaseError(
            f"{place} has version {found} of the tables; this code knows {wanted}. Update the code: "
            "another installation has upgraded the database"
        )


def is_current(connection: psycopg.Connection[dict[str, Any]]) -> bool:
    """Return whether the database has the version of the schema file."""
    return read_schema_version(connection) == schema_file_version()


def schema_file_version() -> int:
    """Return the version of the tables that the schema file makes."""
    text = SCHEMA_FILE.read_text(encoding="utf-8")
    return int(re.findall(r"update comet_schema\s+set version = (\d+)", text)[0])


def read_schema_version(connection: psycopg.Connection[dict[str, Any]]) -> int | None:
    """Return the version of the tables; None if it can't be read."""
    try:
        row = connection.execute("select max(version) as version from comet_schema").fetchone()
    except psycopg.Error:
        return None
    return row["version"] if row else None
