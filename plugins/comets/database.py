"""The creators' database as the Python tasks use it: SQL files executed by name, with bound parameters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, cast

import psycopg
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk.exceptions import AirflowNotFoundException
from psycopg.rows import DictRow, dict_row

from comets.settings import DATABASE_CONN_ID, SCHEMA_FILE
from comets.sql import statement

SCHEMA_VERSION = 3
"""The version of ``setup_database.sql`` that this code was written for."""


class DatabaseError(RuntimeError):
    """The creators' database is not ready for a run; the text says what to do."""


class Database:
    """A connection in autocommit mode: a statement is a transaction of its own unless inside :meth:`transaction`."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self._connection = connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements inside are committed together, or none."""
        with self._connection.transaction():
            yield

    def execute(self, name: str, **parameters: Any) -> None:
        """Execute ``include/sql/<name>.sql``."""
        self._connection.execute(statement(name), parameters)

    def execute_many(self, name: str, rows: list[dict[str, Any]]) -> None:
        """Execute ``include/sql/<name>.sql`` once per row, in one round trip where the server allows it."""
        with self._connection.cursor() as cursor:
            cursor.executemany(statement(name), rows)

    def fetch_all(self, name: str, **parameters: Any) -> list[DictRow]:
        """The rows of ``include/sql/<name>.sql``."""
        return self._connection.execute(statement(name), parameters).fetchall()

    def fetch_optional(self, name: str, **parameters: Any) -> DictRow | None:
        """The only row of ``include/sql/<name>.sql``, or None."""
        return self._connection.execute(statement(name), parameters).fetchone()

    def fetch_one(self, name: str, **parameters: Any) -> DictRow:
        """The only row of ``include/sql/<name>.sql``.

        :raises LookupError: when there is none.
        """
        row = self.fetch_optional(name, **parameters)
        if row is None:
            raise LookupError(f"{name}.sql gave no row for {parameters}")
        return row

    def require_schema(self) -> None:
        """Check that the schema file was run on this database.

        :raises DatabaseError: names the file and the command.
        """
        try:
            row = self.fetch_optional("landing/read_schema_version")
        except psycopg.errors.UndefinedTable:
            row = None
        found = row["version"] if row else None
        if found != SCHEMA_VERSION:
            state = "has no Comet tables yet" if found is None else f"has version {found} of the Comet tables"
            raise DatabaseError(
                f"The database of the connection `{DATABASE_CONN_ID}` {state}, but this package needs version "
                f"{SCHEMA_VERSION}. Run {SCHEMA_FILE} on it once (`make setup-database`, `psql -f {SCHEMA_FILE}`, or "
                "paste it into your host's SQL editor), then clear this task."
            )


@contextmanager
def connect(conn_id: str = DATABASE_CONN_ID) -> Iterator[Database]:
    """Connect to the creators' database.

    :raises DatabaseError: when the Airflow connection is not defined.
    :raises psycopg.OperationalError: when the server can't be reached or refuses the login.
    """
    try:
        raw_connection = PostgresHook(postgres_conn_id=conn_id).get_conn()
    except AirflowNotFoundException as error:
        raise DatabaseError(
            f"The Airflow connection `{conn_id}` is not defined. Set AIRFLOW_CONN_{conn_id.upper()}, or add a "
            "connection of type postgres in Airflow's UI under Admin, Connections."
        ) from error
    with closing(raw_connection):
        connection = cast("psycopg.Connection[DictRow]", raw_connection)
        connection.row_factory = dict_row
        connection.autocommit = True
        # A pooler in transaction mode hands every transaction to another server, which does not know
        # statements prepared on the last one (PgBouncer, Supabase's port 6543).
        connection.prepare_threshold = None
        yield Database(connection)
