"""Retention: delete TikHub's answers after a number of days; keep everything derived from them."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from comets.database.client import Database

PAGES_PER_BATCH = 500
"""A page holds at most 100 items, mostly 20."""

ROWS_PER_BATCH = 10_000


def trim_landing(database: Database, kept_date: date, timezone: str) -> Counter[str]:
    """Delete rows landed before a date, in batches of one transaction each.

    :param kept_date: the first day that is kept, in the Dag's timezone
    :return: the number of deleted rows per table
    """
    kept_from = datetime.combine(kept_date, time(), ZoneInfo(timezone))
    counts: Counter[str] = Counter()
    with database.transaction():
        database.execute("privacy/lock_steps")
        database.execute("privacy/trim_dates", kept_date=kept_date)
    counts += _trim(database, "privacy/trim_pages", PAGES_PER_BATCH, kept_from=kept_from)
    counts += _trim(database, "privacy/trim_profiles", ROWS_PER_BATCH, kept_from=kept_from, kept_date=kept_date)
    counts += _trim(database, "privacy/trim_roll_call", ROWS_PER_BATCH, kept_from=kept_from)
    return counts


def _trim(database: Database, name: str, row_limit: int, **limits: object) -> Counter[str]:
    counts: Counter[str] = Counter()
    while True:
        with database.transaction():
            database.execute("privacy/lock_landing_shared")
            row = database.fetch_one(name, row_limit=row_limit, **limits)
        portion_count = row.pop("portion_count")
        counts.update(row)
        if portion_count < row_limit:
            return counts
