"""Rows of the creators' database, written one by one, and what all of them share."""

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
    """An hour of a date, in UTC."""
    return datetime.combine(day, time(hour), UTC)


def insert(connection: psycopg.Connection[Row], table: str, returning: str = "1", **row: Any) -> Row:
    """Write one row."""
    columns = ", ".join(row)
    values = ", ".join(["%s"] * len(row))
    query = f"insert into {table} ({columns}) values ({values}) returning {returning}"
    return connection.execute(query.encode(), list(row.values())).fetchone() or ()
