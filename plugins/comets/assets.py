"""The tables as Airflow assets, so that other Dags can be scheduled on a new day of Comets.

An event comes only from a step that has committed what a date publishes. So the discoveries and the creators have
theirs from the task after the last gate, not from those that write them first: a run that a gate stops emits nothing.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset

from comets.dates import run_date
from comets.settings import settings

GROUP = "comets"


def _table(name: str) -> Asset:
    # A scheme of our own: that of PostgreSQL demands a host and a database, which only the connection knows.
    return Asset(name=name, uri=f"x-comets://tables/{name}", group=GROUP)


CREATORS = _table("creators")
COMET_DISCOVERIES = _table("comet_discoveries")
CREATOR_STATS = _table("creator_stats")
COMET_SCORES = _table("comet_scores")


def outlets(*tables: Asset) -> dict[str, Any]:
    """Arguments of a task that has made these tables complete for the run's date when it succeeds."""
    return {"outlets": list(tables), "post_execute": attach_run_to_asset_events}


def attach_run_to_asset_events(context: Any, result: Any = None) -> None:
    """Put the run and its date into the events of a task's outlets; a ``post_execute`` function.

    Their extra is ``{"recorded_date": "2026-03-01", "run_id": ...}``.
    """
    dag_run = context["dag_run"]
    recorded_date = run_date(dag_run, settings().timezone)
    for table in context["task"].outlets:
        context["outlet_events"][table].extra = {
            "recorded_date": recorded_date.isoformat(),
            "run_id": dag_run.run_id,
        }
