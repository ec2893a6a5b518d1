"""Delete landed TikHub data that is older than the settings keep it, every day at 04:00; snapshots stay."""

from pathlib import Path

import pendulum
from airflow.sdk import DAG

from comets.operators.defaults import task_defaults
from comets.operators.trim_landing import TrimLandingOperator
from comets.settings import settings

with DAG(
    dag_id="comet_maintenance",
    schedule="0 4 * * *",
    start_date=pendulum.datetime(2020, 1, 1, tz=settings().timezone),
    catchup=False,
    max_active_runs=1,
    description=__doc__,
    doc_md=str(Path(__file__).with_suffix(".md")),
    tags=["comets", "tiktok", "maintenance"],
    default_args=task_defaults(settings()),
):
    TrimLandingOperator(task_id="trim_landing")
