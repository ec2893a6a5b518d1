"""Reads of the creators' database: one read-only query per view, limited to a few seconds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from comets.database.client import SCHEMA_VERSION, Database, connect
from comets.errors import DatabaseError
from comets.settings import SCHEMA_FILE

PAGE_TIMEOUT = timedelta(seconds=3)
CONNECT_TIMEOUT = timedelta(seconds=2)


def fetch(view: str, **parameters: Any) -> dict[str, Any]:
    """Return the row of ``include/sql/page/<view>.sql``, a query that always has one.

    :raises DatabaseError: as :func:`find`
    """
    row = find(view, **parameters)
    if row is None:
        raise LookupError(f"page/{view}.sql returned no row")
    return row


def find(view: str, **parameters: Any) -> dict[str, Any] | None:
    """Return the row of ``include/sql/page/<view>.sql``, or None.

    :raises DatabaseError: the database can't be read; see :func:`comets.database.client.connect`
    """
    with connect(timeout=PAGE_TIMEOUT, connect_timeout=CONNECT_TIMEOUT) as database:
        try:
            with database.transaction(is_read_only=True):
                _begin(database)
                return database.fetch_optional(f"page/{view}", **parameters)
        except DatabaseError as error:
            # A missing table and a missing right raise the same error; the catalogue distinguishes them.
            if error.file_to_run is not None:
                database.require_schema()
            raise


def _begin(database: Database) -> None:
    row = database.fetch_optional("page/begin")
    if row is None or row["version"] != SCHEMA_VERSION:
        raise DatabaseError("The Comet tables have another schema version.", SCHEMA_FILE)
