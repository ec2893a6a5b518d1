"""The days that the demo runs, and in which order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from include.stack.environment import Environment
from include.stack.package_settings import package_settings

DAYS = 5
MISSED_DAY = 4
RUN_HOUR = 2


@dataclass(frozen=True)
class Day:
    """One run to make: its number, its date, and its logical date; None is "now". A missed day is backfilled later."""

    number: int
    date: date
    logical_date: datetime | None
    is_missed: bool = False


@dataclass(frozen=True)
class Step:
    """What is told before something happens, and the day to run then; None when there is nothing to run."""

    heading: str
    day: Day | None


def plan_days(environment: Environment, now: datetime) -> list[Day]:
    """Choose the days: the last ones at 02:00 for made-up data, one of them missed, else one for now.

    A logical date in the future would make its run wait until then.
    """
    here = now.astimezone(ZoneInfo(package_settings().timezone))
    if not environment.is_sandbox:
        return [Day(1, here.date(), None)]
    last = here.replace(hour=RUN_HOUR, minute=0, second=0, microsecond=0)
    last = last if last <= here else last - timedelta(days=1)
    dates = [last - timedelta(days=DAYS - number) for number in range(1, DAYS + 1)]
    return [Day(number, at.date(), at, number == MISSED_DAY) for number, at in enumerate(dates, start=1)]


def plan_steps(days: Sequence[Day]) -> Iterator[Step]:
    """Put the days in the order in which they happen: missed ones are filled when all others have been run."""
    for day in days:
        if day.is_missed:
            yield Step(f"{title(day, days)} is missed on purpose: nothing runs, and no count is read.", None)
        else:
            yield Step(title(day, days), day)
    for day in days:
        if day.is_missed:
            yield Step(f"{title(day, days)}, backfilled on {days[-1].date}", day)


def title(day: Day, days: Sequence[Day]) -> str:
    """Name a day among all of them."""
    return f"Day {day.number} of {len(days)}: {day.date}"
