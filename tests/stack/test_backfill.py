"""What `make backfill` tells: days left alone, one line per day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from include.stack.backfill import run_of_each_day, tell_left_alone
from include.stack.backfill_result import show_days
from include.stack.day_runs import DayRun, Days
from include.stack.environment import resolve
from tests.sql.builders import Facts, Video

DAYS = Days(date(2026, 3, 1), date(2026, 3, 9), "Asia/Shanghai")


def run_at(instant: str, state: str) -> DayRun:
    """A run of an instant in UTC, named after it."""
    at = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    return DayRun(instant, state, at, at)


def test_days_that_succeeded_or_run_already_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [
        run_at("2026-02-28 18:00", "success"),
        run_at("2026-03-01 18:00", "success"),
        run_at("2026-03-02 18:00", "failed"),
        run_at("2026-03-03 18:00", "success"),
        run_at("2026-03-04 18:00", "running"),
        run_at("2026-03-05 18:00", "queued"),
        run_at("2026-03-06 09:00", "success"),
    ]
    planned = frozenset({runs[2].logical_date, run_at("2026-03-05 18:00", "").logical_date})
    tell_left_alone(DAYS, runs, planned)
    assert capsys.readouterr().out.splitlines() == [
        "Left alone, because they have succeeded: 2026-03-01 to 2026-03-02, 2026-03-04.",
        "Left alone, because they are being run already: 2026-03-05.",
    ]


def test_nothing_is_told_when_no_day_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    tell_left_alone(DAYS, [], frozenset())
    assert capsys.readouterr().out == ""


def test_a_day_shows_the_run_of_the_backfill_else_its_last_run() -> None:
    made, by_hand_later = run_at("2026-02-28 18:00", "success"), run_at("2026-03-01 02:00", "failed")
    first, last = run_at("2026-03-01 18:00", "failed"), run_at("2026-03-02 03:00", "success")
    chosen = run_of_each_day(DAYS, [made, by_hand_later, first, last], frozenset({made.logical_date}))
    assert chosen == {date(2026, 3, 1): made, date(2026, 3, 2): last}


def test_each_day_has_a_line_and_one_that_was_never_accepted_no_figures(
    database_url: str, state: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        facts = Facts(connection)
        facts.land_page(*(Video(str(number), f"v{number}") for number in range(1_200)))
        facts.run(date(2026, 3, 1), run_id="2026-03-01 02:00")
    runs = [run_at("2026-03-02 02:00", "failed"), run_at("2026-03-01 02:00", "success")]
    environment = resolve({**state, "DATABASE_URL": database_url}, tmp_path)
    show_days(environment, {run.logical_date.date(): run for run in runs})
    assert capsys.readouterr().out.splitlines() == [
        "  date        state    made  re-used  Comets    new  measured  estimated  backdated  calls  billed",
        "  2026-03-01  success     0        1   1,200  1,200     1,200          0          0      0       0",
        "  2026-03-02  failed      -        -       -      -         -          -          -      -       -",
        "  made, re-used: searches. measured, estimated, backdated: counts of that date, by how they are known.",
    ]
