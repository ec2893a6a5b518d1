"""Arguments and output of `make backfill`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from airflow_client.client import DAGRunResponse, DagRunState

from include.stack.backfill import BackfillError, print_days, read_days
from include.stack.environment import resolve
from tests.steps.builders import Facts, Video


def run_at(instant: datetime, state: str = "success") -> DAGRunResponse:
    """Return a run with a logical date in UTC."""
    fields: dict[str, Any] = {
        "dag_run_id": f"{instant:%Y-%m-%d %H:%M}",
        "state": DagRunState(state),
        "logical_date": instant,
        "run_after": instant,
    }
    return DAGRunResponse.model_construct(**fields)


@pytest.mark.parametrize(
    ("first", "last", "problem"),
    [
        ("18.11.2026", "2026-11-19", r"'18.11.2026' is not a date: FROM=YYYY-MM-DD"),
        ("2026-11-18", "2026-13-01", r"'2026-13-01' is not a date: TO=YYYY-MM-DD"),
        ("", "2026-11-19", "FROM is missing"),
        ("2026-03-02", "2026-03-01", "FROM=2026-03-02 is after TO=2026-03-01"),
        ("2026-03-02", "9999-12-31", "TO=9999-12-31 is in the future"),
    ],
)
def test_invalid_date_is_named(first: str, last: str, problem: str) -> None:
    with pytest.raises(BackfillError, match=problem):
        read_days(first, last, "UTC")


def test_each_run_has_a_line_and_a_rejected_one_no_figures(
    database_url: str, state: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        facts = Facts(connection)
        facts.land_page(*(Video(str(number), f"v{number}") for number in range(1_200)))
        facts.run(date(2026, 3, 1), run_id="2026-03-01 02:00")
    runs = [run_at(datetime(2026, 3, 1, 2, tzinfo=UTC)), run_at(datetime(2026, 3, 2, 2, tzinfo=UTC), "failed")]
    print_days(resolve({**state, "DATABASE_URL": database_url}, tmp_path), runs, "UTC")
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert lines[0][:4] == ["date", "state", "searched", "reused"]
    assert lines[1] == ["2026-03-01", "success", "0", "1", "1,200", "1,200", "1,200", "0", "0", "0", "0"]
    assert lines[2] == ["2026-03-02", "failed", *"–" * 9]
