"""What `make backfill` reads and says: dates, days left alone, one line per day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from airflow_client.client import DAGRunResponse, DagRunState

from comets.run import run_date
from include.stack.backfill import BackfillError, Days, name_days, read_days, say_left_alone, show_days
from include.stack.environment import resolve
from tests.sql.builders import Facts, Video

DAYS = Days(date(2026, 3, 1), date(2026, 3, 9), "Asia/Shanghai")


def run_at(instant: datetime, state: str = "success") -> DAGRunResponse:
    """A run of an instant in UTC, named after it."""
    fields: dict[str, Any] = {
        "dag_run_id": f"{instant:%Y-%m-%d %H:%M}",
        "state": DagRunState(state),
        "logical_date": instant,
        "run_after": instant,
    }
    return DAGRunResponse.model_construct(**fields)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Shanghai", "Africa/Cairo"])
def test_every_hour_of_a_year_belongs_to_the_day_of_its_run(zone: str) -> None:
    for number in range(366 * 24):
        instant = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
        day = instant.astimezone(ZoneInfo(zone)).date()
        start, end = Days(day, day, zone).instants
        assert start <= instant <= end
        assert run_date(run_at(instant), zone) == day


@pytest.mark.parametrize(
    ("first", "last", "problem"),
    [
        ("18.11.2026", "2026-11-19", r"'18.11.2026' is not a date: FROM=YYYY-MM-DD"),
        ("2026-11-18", "2026-13-01", r"'2026-13-01' is not a date: TO=YYYY-MM-DD"),
        ("", "2026-11-19", "FROM is missing"),
        ("2026-03-02", "2026-03-01", "FROM=2026-03-02 is after TO=2026-03-01"),
        ("2026-03-02", "9999-12-31", "TO=9999-12-31 is too far away"),
        ("2999-01-01", "2999-01-01", "FROM=2999-01-01 is in the future"),
    ],
)
def test_a_wrong_date_is_named(first: str, last: str, problem: str) -> None:
    with pytest.raises(BackfillError, match=problem):
        read_days(first, last, "UTC")


def test_days_in_a_row_are_named_as_a_range() -> None:
    days = [date(2026, 3, number) for number in (5, 1, 3, 4, 3, 7, 8)]
    assert name_days(days) == "2026-03-01, 2026-03-03 to 2026-03-05, 2026-03-07 to 2026-03-08"
    assert name_days([]) == ""


def test_days_that_succeeded_or_run_already_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [
        run_at(at("2026-02-28 18:00"), "success"),
        run_at(at("2026-03-01 18:00"), "success"),
        run_at(at("2026-03-02 18:00"), "failed"),
        run_at(at("2026-03-03 18:00"), "success"),
        run_at(at("2026-03-04 18:00"), "running"),
        run_at(at("2026-03-05 18:00"), "queued"),
        run_at(at("2026-03-06 09:00"), "success"),
    ]
    planned = frozenset(run.logical_date for run in (runs[2], runs[5]) if run.logical_date)
    say_left_alone(DAYS, runs, planned)
    assert capsys.readouterr().out.splitlines() == [
        "Left alone, because they have succeeded: 2026-03-01 to 2026-03-02, 2026-03-04.",
        "Left alone, because they are being run already: 2026-03-05.",
    ]


def test_each_day_has_a_line_of_the_run_of_the_backfill_else_of_its_last_one(
    database_url: str, state: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        facts = Facts(connection)
        facts.land_page(*(Video(str(number), f"v{number}") for number in range(1_200)))
        facts.run(date(2026, 3, 1), run_id="2026-03-01 02:00")
    made, by_hand_later = run_at(at("2026-03-01 02:00"), "success"), run_at(at("2026-03-01 09:00"), "failed")
    first, last = run_at(at("2026-03-02 02:00"), "success"), run_at(at("2026-03-02 09:00"), "failed")
    environment = resolve({**state, "DATABASE_URL": database_url}, tmp_path)
    planned = frozenset({made.logical_date} if made.logical_date else ())
    show_days(environment, Days(date(2026, 3, 1), date(2026, 3, 2), "UTC"), [made, by_hand_later, first, last], planned)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:4] == ["date", "state", "made", "re-used"]
    assert lines[1] == ["2026-03-01", "success", "0", "1", "1,200", "1,200", "1,200", "0", "0", "0", "0"]
    assert lines[2] == ["2026-03-02", "failed", *"–" * 9]
