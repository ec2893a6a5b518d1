"""The tables as Airflow assets, so that other Dags can be scheduled on them.

An event means that a date is published. Discoveries and creators are therefore outlets of the task after the last
quality check, not of the tasks that write them: a run that fails a check emits no event.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset

from comets.dates import run_date
from comets.settings import settings

GROUP = "comets"


def _table(name: str) -> Asset:
    # A custom scheme: Airflow requires host and database in a postgres URI, which only the connection has.
    return Asset(name=name, uri=f"x-comets://tables/{name}", group=GROUP)


CREATORS = _table("creators")
COMET_DISCOVERIES = _table("comet_discoveries")
CREATOR_STATS = _table("creator_stats")
COMET_SCORES = _table("comet_scores")


def outlets(*tables: Asset) -> dict[str, Any]:
    """Return the arguments of a task whose success completes these tables for the run's date."""
    return {"outlets": list(tables), "post_execute": attach_run_to_asset_events}


def attach_run_to_asset_events(context: Any, result: Any = None) -> None:
    """Attach the run and its date to the events of a task's outlets; a ``post_execute`` function.

    The extra of an event is ``{"recorded_date": "2026-03-01", "run_id": ...}``.
    """
    dag_run = context["dag_run"]
    recorded_date = run_date(dag_run, settings().timezone)
    for table in context["task"].outlets:
        context["outlet_events"][table].extra = {
            "recorded_date": recorded_date.isoformat(),
            "run_id": dag_run.run_id,
        }
