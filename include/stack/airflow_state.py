"""Print what Airflow knows about this package as JSON: `python -m include.stack.airflow_state`.

A process of its own, because Airflow reads its environment when it is imported. It reads Airflow's database instead of
the REST API, which needs a login that only the api-server's container has.
"""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from airflow.configuration import conf
from airflow.jobs.job import most_recent_job
from airflow.models import DagModel, DagRun, Pool
from airflow.models.errors import ParseImportError
from airflow.sdk import DagRunState
from airflow.utils.session import create_session
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from comets.settings import DAG_ID, POOL

COMPONENTS = {"scheduler": "SchedulerJob", "dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}
PACKAGE_DAGS = tuple(sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "dags").glob("*.py")))
TIMEOUT_SECONDS = 5


def read_state(session: Session) -> dict[str, Any]:
    """Return components, pool, Dags, runs in progress and import errors, as JSON values."""
    pool = session.scalar(select(Pool).where(Pool.pool == POOL))
    dags = session.scalars(select(DagModel).where(DagModel.dag_id.in_(PACKAGE_DAGS)))
    runs = session.scalars(
        select(DagRun).where(DagRun.dag_id.in_(PACKAGE_DAGS), DagRun.state == DagRunState.RUNNING.value)
    )
    ended = select(DagRun).where(DagRun.dag_id == DAG_ID, DagRun.end_date.is_not(None))
    last_run = session.scalar(ended.order_by(DagRun.end_date.desc()).limit(1))
    errors = session.scalars(select(ParseImportError))
    jobs = {name: most_recent_job(job_type, session=session) for name, job_type in COMPONENTS.items()}
    return {
        "alive": [name for name, job in jobs.items() if job and job.is_alive()],
        "slots": pool.slots if pool else None,
        "dags": {
            dag.dag_id: {"is_paused": dag.is_paused, "next_run": text_of(dag.next_dagrun_create_after)}
            for dag in dags
            if not dag.is_stale
        },
        "running": {f"{run.dag_id} {run.run_id}": text_of(run.start_date) for run in runs},
        "last_failed": last_run.run_id if last_run and last_run.state == DagRunState.FAILED.value else None,
        "import_errors": {error.filename: last_line(error.stacktrace) for error in errors},
        "size_bytes": read_size(session),
        "execution_api": reach_execution_api(),
    }


def read_size(session: Session) -> int | None:
    """Return the size of Airflow's database in bytes; None if it is not PostgreSQL."""
    if session.get_bind().dialect.name != "postgresql":
        return None
    return session.scalar(select(func.pg_database_size(func.current_database())))


def reach_execution_api() -> str | None:
    """Return why the API that every task talks to can't be reached; None if it answers."""
    url = conf.get("core", "execution_api_server_url", fallback="") or f"{conf.get('api', 'base_url')}/execution/"
    client = requests.Session()
    client.trust_env = False
    try:
        client.get(f"{url.rstrip('/')}/health", timeout=TIMEOUT_SECONDS).raise_for_status()
    except requests.RequestException as error:
        return f"{url} ({type(error).__name__})"
    return None


def text_of(instant: datetime | None) -> str | None:
    """Return an instant in ISO format."""
    return instant.isoformat() if instant else None


def last_line(trace: str | None) -> str:
    """Return the last line of a traceback, which is the error."""
    lines: Sequence[str] = (trace or "").strip().splitlines()
    return lines[-1].strip() if lines else ""


if __name__ == "__main__":
    try:
        with create_session() as session:
            print(json.dumps(read_state(session)))
    except SQLAlchemyError as error:
        sys.exit(str(getattr(error, "orig", None) or error))
