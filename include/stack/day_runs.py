"""Runs of the Dag as days, and backfills that make them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from comets.run import run_date
from comets.settings import DAG_ID
from include.stack.airflow_api import FINAL_STATES, AirflowApi
from include.stack.days import instant_range


@dataclass(frozen=True)
class DayRun:
    """A run of the Dag with a logical date, and how it stands."""

    run_id: str
    state: str
    logical_date: datetime
    run_after: datetime

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Self:
        """Take what Airflow's REST API tells about a run."""
        return cls(
            run_id=answer["dag_run_id"],
            state=answer["state"],
            logical_date=datetime.fromisoformat(answer["logical_date"]),
            run_after=datetime.fromisoformat(answer["run_after"]),
        )

    @property
    def is_over(self) -> bool:
        """Whether the run has come to its end."""
        return self.state in FINAL_STATES


@dataclass(frozen=True)
class Days:
    """All days from one to another in the Dag's timezone, both included."""

    first: date
    last: date
    timezone: str

    @property
    def instants(self) -> tuple[str, str]:
        """The first and the last instant of these days, as Airflow takes them."""
        start, end = instant_range(self.first, self.last, self.timezone)
        return start.isoformat(), end.isoformat()

    def date_of(self, run: DayRun) -> date:
        """Return the day that a run owns."""
        return run_date(run, self.timezone)

    def runs(self, api: AirflowApi) -> list[DayRun]:
        """Return all runs of these days, oldest first."""
        return [DayRun.read(answer) for answer in api.runs_between(DAG_ID, *self.instants)]

    def plan_backfill(self, api: AirflowApi, reprocess: str) -> frozenset[datetime]:
        """Return the logical dates of the runs that a backfill of these days would make."""
        return frozenset(api.plan_backfill(DAG_ID, *self.instants, reprocess))

    def create_backfill(self, api: AirflowApi, reprocess: str) -> int:
        """Start a backfill of these days and return its number; its runs are there at once."""
        return api.create_backfill(DAG_ID, *self.instants, reprocess)


def planned_runs(runs: Iterable[DayRun], planned: frozenset[datetime]) -> list[DayRun]:
    """Return those runs that a backfill makes."""
    return [run for run in runs if run.logical_date in planned]
