"""The client of the creators' database: execute SQL files by name, with bound parameters.

Every transaction sets its own timeouts, because a pooler in transaction mode (PgBouncer, Supabase's port 6543) would
pass session settings on to other clients. They are sent in one pipeline with the first statement, without a round trip.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, LiteralString, TypeVar, cast

from airflow.sdk import Connection

from comets.database.connection import checked_connection, describe_place
from comets.deadline import TASK_TIMEOUT, Deadline
from comets.errors import DatabaseError
from comets.settings import DATABASE_CONN_ID, GRANT_FILE, SCHEMA_FILE, SQL_FOLDER

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow


@cache
def statement(name: str) -> str:
    """Return the text of ``include/sql/<name>.sql``, one statement with ``%(name)s`` parameters."""
    return (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


SCHEMA_VERSION = 10
"""The version of ``setup_database.sql`` that this code needs."""

MAX_NAMES = 8

READ_ONLY: Final = "begin isolation level repeatable read, read only"

T = TypeVar("T")


class Database:
    """A connection in autocommit mode: each statement is a transaction, unless inside :meth:`transaction`.

    :param deadline: the task's; ``statement_timeout`` and ``lock_timeout`` are shares of the time that remains
    :param place: description of the database, for error texts
    """

    def __init__(
        self,
        connection: psycopg.Connection[DictRow],
        deadline: Deadline | None = None,
        place: str = "the creators' database",
    ) -> None:
        self._connection = connection
        self.deadline = deadline or Deadline(TASK_TIMEOUT)
        self._place = place
        self._is_begin_due = False
        self._is_in_transaction = False
        self._begin: LiteralString = "begin"

    @contextmanager
    def transaction(self, *, is_read_only: bool = False) -> Iterator[None]:
        """Commit all statements inside together, or none.

        The transaction begins with its first statement, in the same round trip. A nested one joins the outer one.

        :param is_read_only: use one snapshot for all statements, and reject changes
        """
        if self._is_in_transaction:
            yield
            return
        self._is_in_transaction = self._is_begin_due = True
        self._begin = READ_ONLY if is_read_only else "begin"
        try:
            yield
            self._end("commit")
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._is_in_transaction = self._is_begin_due = False

    def execute(self, name: str, **parameters: Any) -> None:
        """Execute ``include/sql/<name>.sql``.

        :raises DatabaseError: the database failed or refused the statement, as for all methods that execute one; errors
            in the SQL or the data remain those of psycopg.
        """
        self._run(name, lambda: self._connection.execute(statement(name), parameters))

    def fetch_all(self, name: str, **parameters: Any) -> list[DictRow]:
        """Return the rows of ``include/sql/<name>.sql``."""
        return self._run(name, lambda: self._connection.execute(statement(name), parameters)).fetchall()

    def fetch_optional(self, name: str, **parameters: Any) -> DictRow | None:
        """Return the only row of ``include/sql/<name>.sql``, or None."""
        return self._run(name, lambda: self._connection.execute(statement(name), parameters)).fetchone()

    def fetch_one(self, name: str, **parameters: Any) -> DictRow:
        """Return the only row of ``include/sql/<name>.sql``.

        :raises LookupError: there is none.
        """
        row = self.fetch_optional(name, **parameters)
        if row is None:
            raise LookupError(f"{name}.sql returned no row for {parameters}")
        return row

    def require_schema(self, *, is_read_only: bool = False) -> None:
        """Check that the schema file was run on this database, and that the role has the rights that a run needs.

        :param is_read_only: whether the rights of the page suffice
        :raises DatabaseError: names the file to run and the command.
        """
        access = self.fetch_one("database/read_access", is_read_only=is_read_only)
        if not access["is_set_up"]:
            raise DatabaseError(self._wrong_version("has no Comet tables yet"), SCHEMA_FILE)
        if access["missing"]:
            raise DatabaseError(self._missing_rights(access, is_read_only), GRANT_FILE)
        row = self.fetch_optional("database/read_schema_version")
        found = row["version"] if row else None
        if found is not None and found > SCHEMA_VERSION:
            raise DatabaseError(
                f"The database of the connection `{DATABASE_CONN_ID}` has version {found} of the Comet tables, and "
                f"this package needs version {SCHEMA_VERSION}: tables are not downgraded. Deploy the newer package "
                "again, or restore the backup from before its upgrade (docs/howto/backup.md), then clear this task."
            )
        if found != SCHEMA_VERSION:
            raise DatabaseError(self._wrong_version(f"has version {found} of the Comet tables"), SCHEMA_FILE)

    def _wrong_version(self, state: str) -> str:
        return (
            f"The database of the connection `{DATABASE_CONN_ID}` {state}, but this package needs version "
            f"{SCHEMA_VERSION}. Run {SCHEMA_FILE} on it once (`make setup-database`, `psql -f {SCHEMA_FILE}`, or "
            "paste it into your host's SQL editor), then clear this task."
        )

    def _missing_rights(self, access: DictRow, is_read_only: bool) -> str:
        role, missing = access["role_name"], access["missing"]
        constants = "this role's name and `is_read_only` = true" if is_read_only else "this role's name"
        shown = ", ".join(missing[:MAX_NAMES]) + (" and more" if len(missing) > MAX_NAMES else "")
        return (
            f"The role `{role}` of the connection `{DATABASE_CONN_ID}` lacks rights on the Comet tables: {shown}. "
            f"As their owner run {GRANT_FILE} with {constants} in its first lines (`psql -f {GRANT_FILE}`, or "
            "paste it into your host's SQL editor), then clear this task. Run it again after each upgrade of the "
            "tables."
        )

    def _run(self, name: str, send: Callable[[], T]) -> T:
        step = f"include/sql/{name}.sql"
        try:
            if self._is_in_transaction and not self._is_begin_due:
                return send()
            with self._connection.pipeline():
                if self._is_begin_due:
                    self._connection.execute(self._begin)
                    self._is_begin_due = False
                # Without `begin`, a pipeline is one transaction.
                self._connection.execute(statement("database/set_timeouts"), self.deadline.timeouts())
                return send()
        except Exception as error:
            database_error = self._classify(error, step)
            if database_error is None:
                raise
            raise database_error from error

    def _end(self, command: Any) -> None:
        if self._is_begin_due:
            return
        try:
            self._connection.execute(command)
        except Exception as error:
            raise self._classify(error, command) or error from error

    def _classify(self, error: Exception, step: str) -> DatabaseError | None:
        from comets.database.failures import classify_error

        return classify_error(error, self._place, step)

    def _roll_back(self) -> None:
        from psycopg.pq import TransactionStatus

        if self._connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            self._connection.execute("rollback")


@contextmanager
def connect(
    conn_id: str = DATABASE_CONN_ID, timeout: timedelta | None = None, connect_timeout: timedelta | None = None
) -> Iterator[Database]:
    """Connect to the creators' database.

    :param timeout: the task's ``execution_timeout``, counted from now; statements get a share of the time that remains
    :param connect_timeout: how long to wait for the server, in whole seconds; default: the value of the connection
    :raises DatabaseError: the Airflow connection is not defined or malformed, or the server refuses it.
    :raises DatabaseUnavailableError: the server can't be reached; retryable.
    """
    deadline = Deadline(timeout or TASK_TIMEOUT)
    definition = checked_connection(conn_id)
    connection = _open(definition, connect_timeout)
    try:
        yield Database(connection, deadline, describe_place(definition))
    finally:
        connection.close()


def _open(definition: Connection, connect_timeout: timedelta | None) -> psycopg.Connection[DictRow]:
    if connect_timeout is not None:
        definition = copy(definition)
        limit = {"connect_timeout": round(connect_timeout.total_seconds())}
        definition.extra = json.dumps({**definition.extra_dejson, **limit})
    import psycopg
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from psycopg.rows import dict_row

    from comets.database.failures import classify_connection_error

    connection_error = None
    try:
        raw_connection = PostgresHook(postgres_conn_id=definition.conn_id, connection=definition).get_conn()
    except psycopg.Error as error:
        connection_error = classify_connection_error(error, describe_place(definition), definition.password)
    # Raise outside `except`, so that the original message, which may contain the password, is not chained.
    if connection_error is not None:
        raise connection_error
    connection = cast("psycopg.Connection[DictRow]", raw_connection)
    connection.row_factory = dict_row
    connection.autocommit = True
    # Behind a pooler, the next transaction may run on a server without the prepared statements.
    connection.prepare_threshold = None
    return connection
