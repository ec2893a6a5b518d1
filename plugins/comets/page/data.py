"""The creators' database as the page reads it: one query per view, read-only, within a few seconds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from comets.database.client import SCHEMA_VERSION, Database, connect
from comets.errors import DatabaseError
from comets.settings import SCHEMA_FILE

PAGE_TIMEOUT = timedelta(seconds=10)
CONNECT_TIMEOUT = timedelta(seconds=4)


def fetch(view: str, **parameters: Any) -> dict[str, Any]:
    """The row of ``include/sql/page/<view>.sql``, which always has one.

    :raises DatabaseError: as :func:`find`
    """
    found = find(view, **parameters)
    if found is None:
        raise LookupError(f"page/{view}.sql gave no row")
    return found


def find(view: str, **parameters: Any) -> dict[str, Any] | None:
    """The row of ``include/sql/page/<view>.sql``, or None.

    :raises DatabaseError: the database can't be read; see :func:`comets.database.connect`
    """
    with connect(timeout=PAGE_TIMEOUT, connect_timeout=CONNECT_TIMEOUT) as database:
        try:
            with database.transaction(is_read_only=True):
                _begin(database)
                return database.fetch_optional(f"page/{view}", **parameters)
        except DatabaseError as error:
            # A role without rights does not see the tables either: the catalogue tells the two apart.
            if error.file_to_run is not None:
                database.require_schema()
            raise


def _begin(database: Database) -> None:
    found = database.fetch_optional("page/begin")
    if found is None or found["version"] != SCHEMA_VERSION:
        raise DatabaseError("The Comet tables are of another version.", SCHEMA_FILE)
