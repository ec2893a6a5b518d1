"""Retention: delete personal data after a number of days; keep everything derived from TikHub's answers."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from comets.database.client import Database

PAGES_PER_BATCH = 500
"""A page holds at most 100 items, mostly 20."""

CREATORS_PER_BATCH = 500
ROWS_PER_BATCH = 10_000


def trim_landing(database: Database, kept_date: date, timezone: str) -> Counter[str]:
    """Delete rows landed before a date, in batches of one transaction each.

    :param kept_date: the first day that is kept, in the Dag's timezone
    :return: the number of deleted rows per table
    """
    kept_from = _start_of(kept_date, timezone)
    counts: Counter[str] = Counter()
    with database.transaction():
        database.execute("privacy/lock_steps")
        database.execute("privacy/trim_dates", kept_date=kept_date)
    counts += _trim(database, "privacy/trim_pages", PAGES_PER_BATCH, kept_from=kept_from)
    counts += _trim(database, "privacy/trim_profiles", ROWS_PER_BATCH, kept_from=kept_from, kept_date=kept_date)
    counts += _trim(database, "privacy/trim_roll_call", ROWS_PER_BATCH, kept_from=kept_from)
    return counts


def trim_handles(database: Database, kept_date: date, timezone: str) -> Counter[str]:
    """Delete the handles that creators replaced before a date.

    :param kept_date: the first day that is kept, in the Dag's timezone
    :return: the number of deleted rows per table
    """
    kept_from = _start_of(kept_date, timezone)
    return _trim(database, "privacy/trim_handles", CREATORS_PER_BATCH, "privacy/lock_steps", kept_from=kept_from)


def clear_missing_profiles(database: Database, kept_date: date, timezone: str) -> Counter[str]:
    """Clear nickname, bio and avatar address of creators that became missing before a date.

    :param kept_date: the first day that is kept, in the Dag's timezone
    :return: the number of cleared rows of `creators`
    """
    return _trim(
        database,
        "privacy/clear_missing_profiles",
        CREATORS_PER_BATCH,
        "privacy/lock_steps",
        kept_date=kept_date,
        timezone=timezone,
    )


def _start_of(day: date, timezone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(timezone))


def _trim(
    database: Database, name: str, row_limit: int, lock: str = "privacy/lock_landing_shared", **limits: object
) -> Counter[str]:
    counts: Counter[str] = Counter()
    while True:
        with database.transaction():
            database.execute(lock)
            row = database.fetch_one(name, row_limit=row_limit, **limits)
        portion_count = row.pop("portion_count")
        counts.update(row)
        if portion_count < row_limit:
            return +counts
