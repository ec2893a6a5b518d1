"""Erase a creator from every table, raw items included, and block it from being discovered again."""

from pathlib import Path

import pendulum
from airflow.sdk import DAG

from comets.notifications.notifier import FailureNotifier
from comets.operators.defaults import task_defaults
from comets.operators.forget_creator import ForgetCreatorOperator
from comets.params import erasure_form
from comets.settings import settings

with DAG(
    dag_id="forget_creator",
    schedule=None,
    start_date=pendulum.datetime(2020, 1, 1, tz=settings().timezone),
    catchup=False,
    # It runs only when triggered, and then without a second click.
    is_paused_upon_creation=False,
    params=erasure_form(),
    description=__doc__,
    doc_md=str(Path(__file__).with_suffix(".md")),
    tags=["comets", "tiktok", "privacy"],
    default_args=task_defaults(settings()),
):
    ForgetCreatorOperator(task_id="forget_creator", on_failure_callback=FailureNotifier())
