"""Delete data and logs that are older than the settings keep them, every day at 04:00; snapshots stay."""

from pathlib import Path

import pendulum
from airflow.sdk import DAG

from comets.notifications.notifier import FailureNotifier
from comets.operators.defaults import task_defaults
from comets.operators.retention import DeleteTaskLogsOperator, TrimLandingOperator
from comets.settings import settings

with DAG(
    dag_id="comet_maintenance",
    schedule="0 4 * * *",
    start_date=pendulum.datetime(2020, 1, 1, tz=settings().timezone),
    catchup=False,
    # Personal data is deleted unless the Dag is paused or a setting is empty.
    is_paused_upon_creation=False,
    max_active_runs=1,
    description=__doc__,
    doc_md=str(Path(__file__).with_suffix(".md")),
    tags=["comets", "tiktok", "maintenance"],
    default_args=task_defaults(settings(), on_failure_callback=FailureNotifier()),
):
    TrimLandingOperator(task_id="trim_landing")
    DeleteTaskLogsOperator(task_id="delete_task_logs")
