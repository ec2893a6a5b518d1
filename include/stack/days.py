"""Days of the Dag's timezone, as instants and as text."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def instant_range(first: date, last: date, timezone: str) -> tuple[datetime, datetime]:
    """Return the first and the last instant of some days, both included, in UTC.

    :raises OverflowError: the last day has no day after it.
    """
    return start_of(first, timezone), start_of(last + timedelta(days=1), timezone) - timedelta(microseconds=1)


def start_of(day: date, timezone: str) -> datetime:
    """Return the instant at which a day begins; where the clocks skip or repeat midnight, its first instant."""
    return datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)


def name_days(days: Iterable[date]) -> str:
    """Write days down, neighbours as a range: `2026-03-01, 2026-03-03 to 2026-03-05`."""
    ranges: list[tuple[date, date]] = []
    for day in sorted(set(days)):
        if ranges and day - ranges[-1][1] == timedelta(days=1):
            ranges[-1] = (ranges[-1][0], day)
        else:
            ranges.append((day, day))
    return ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in ranges)
