"""Days of the Dag's timezone: no run falls between them or into two, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from include.stack.backfill import BackfillError, read_days
from include.stack.day_runs import DayRun, Days
from include.stack.days import instant_range, name_days, start_of

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo"]


@pytest.mark.parametrize(
    ("day", "zone", "start", "end"),
    [
        ("2026-03-01", "UTC", "2026-03-01T00:00", "2026-03-02T00:00"),
        ("2026-03-01", "Asia/Shanghai", "2026-02-28T16:00", "2026-03-01T16:00"),
        ("2026-03-29", "Europe/Berlin", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("2026-10-25", "Europe/Berlin", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("2024-04-26", "Africa/Cairo", "2024-04-25T22:00", "2024-04-26T21:00"),
        ("2024-11-03", "America/Havana", "2024-11-03T04:00", "2024-11-04T05:00"),
    ],
    ids=["utc", "east", "spring", "autumn", "midnight-skipped", "midnight-twice"],
)
def test_a_day_reaches_from_midnight_to_just_before_the_next(day: str, zone: str, start: str, end: str) -> None:
    first, last = instant_range(date.fromisoformat(day), date.fromisoformat(day), zone)
    assert first == datetime.fromisoformat(f"{start}+00:00")
    assert last == datetime.fromisoformat(f"{end}+00:00") - timedelta(microseconds=1)


@pytest.mark.parametrize("zone", ZONES)
def test_every_hour_of_a_year_belongs_to_the_day_of_its_run(zone: str) -> None:
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(366)]
    for day in days:
        single = Days(day, day, zone)
        start, end = instant_range(day, day, zone)
        assert start == start_of(day, zone)
        hours = int((end - start) / timedelta(hours=1)) + 1
        instants = [start + timedelta(hours=number) for number in range(hours)]
        assert {single.date_of(DayRun("run", "success", at, at)) for at in [*instants, end]} == {day}


def test_airflow_is_asked_for_whole_days() -> None:
    days = Days(date(2026, 3, 28), date(2026, 3, 29), "Europe/Berlin")
    assert days.instants == ("2026-03-27T23:00:00+00:00", "2026-03-29T21:59:59.999999+00:00")


def test_days_in_a_row_are_named_as_a_range() -> None:
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 3), date(2026, 3, 5), date(2026, 3, 6), date(2026, 3, 3)]
    assert name_days(days) == "2026-02-28 to 2026-03-01, 2026-03-03, 2026-03-05 to 2026-03-06"


@pytest.mark.parametrize(
    "arguments",
    [[], ["2026-03-01"], ["", ""], ["2026-03-01", "yesterday"], ["2026-02-30", "2026-03-01"], ["9999-12-31"] * 2],
)
def test_what_is_no_pair_of_dates_is_answered_with_an_example(arguments: list[str]) -> None:
    with pytest.raises(BackfillError, match="make backfill FROM=2026-03-01 TO=2026-03-07"):
        read_days(arguments, "UTC")


def test_days_the_wrong_way_round_or_to_come_are_refused() -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    with pytest.raises(BackfillError, match="FROM=2026-03-02 is after TO=2026-03-01"):
        read_days(["2026-03-02", "2026-03-01"], "UTC")
    with pytest.raises(BackfillError, match=f"FROM={tomorrow} is in the future"):
        read_days([str(tomorrow), str(tomorrow)], "UTC")
    assert read_days(["2026-03-01", "2026-03-02"], "UTC") == Days(date(2026, 3, 1), date(2026, 3, 2), "UTC")
