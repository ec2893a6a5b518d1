"""The SQL files of ``include/sql``, by name."""

from __future__ import annotations

from functools import cache

from comets.settings import SQL_FOLDER


@cache
def statement(name: str) -> str:
    """The text of ``include/sql/<name>.sql``, one statement with ``%(name)s`` parameters."""
    return (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
