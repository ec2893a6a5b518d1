"""The date that a run owns."""

from __future__ import annotations

from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo


class DatedRun(Protocol):
    """The two instants of a Dag run that decide its date."""

    @property
    def logical_date(self) -> datetime | None: ...

    @property
    def run_after(self) -> datetime: ...


def run_date(dag_run: DatedRun, timezone: str) -> date:
    """Return the date a run owns, its ``recorded_date``: the day of its logical date in the Dag's timezone.

    A run triggered without a logical date, which Airflow 3 allows, owns the day of its ``run_after``. Both are stored
    with the run, so retries and clears keep the date.
    """
    instant = dag_run.logical_date or dag_run.run_after
    return instant.astimezone(ZoneInfo(timezone)).date()


def today(timezone: str) -> date:
    """Return this machine's date in the Dag's timezone."""
    return datetime.now(ZoneInfo(timezone)).date()
