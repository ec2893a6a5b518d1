"""How the Dag's runs stand in Airflow, from Airflow's own database: the only thing the page reads there."""

from __future__ import annotations

from collections.abc import Sequence

from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from sqlalchemy import select

from comets.settings import DAG_ID


def run_states(run_ids: Sequence[str]) -> dict[str, str]:
    """The state of each run that Airflow still knows."""
    if not run_ids:
        return {}
    with create_session() as session:
        rows = session.execute(
            select(DagRun.run_id, DagRun.state).where(DagRun.dag_id == DAG_ID, DagRun.run_id.in_(run_ids))
        )
        return {run_id: str(getattr(state, "value", state)) for run_id, state in rows}
