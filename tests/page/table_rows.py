"""Constants and helpers for inserting rows into the creators' database."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import psycopg

from tests.steps.builders import Row

TODAY = date(2026, 3, 10)
YESTERDAY = date(2026, 3, 9)
EVIL = "<script>alert(1)</script>"
TAGS = ("cozygaming", "gymtok", "قهوة")


def at(day: date, hour: int) -> datetime:
    """Return an hour of a date, in UTC."""
    return datetime.combine(day, time(hour), UTC)


def insert(connection: psycopg.Connection[Row], table: str, returning: str = "1", **row: Any) -> Row:
    """Insert one row and return the `returning` columns."""
    columns = ", ".join(row)
    values = ", ".join(["%s"] * len(row))
    query = f"insert into {table} ({columns}) values ({values}) returning {returning}"
    return connection.execute(query.encode(), list(row.values())).fetchone() or ()
