"""Tasks that do nothing, in the shape of comet_discovery: what Airflow itself takes.

Only the stack of the benchmarks loads this file. It imports nothing of the package, whose memory is measured too.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG, BaseOperator, Context, TriggerRule

POOL = "tikhub"


class EmptyTask(BaseOperator):
    """Do nothing, in a process of its own; Airflow's EmptyOperator never gets one."""

    def __init__(self, *, number: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number

    def execute(self, context: Context) -> None:
        """Do nothing."""


class Numbers(BaseOperator):
    """Return so many numbers as the run wants, one mapped task each."""

    def execute(self, context: Context) -> list[int]:
        """Count."""
        return list(range(context["params"]["task_count"]))


class OneNumber(BaseOperator):
    """Return one number."""

    def execute(self, context: Context) -> list[int]:
        """Count to one."""
        return [0]


with DAG(
    dag_id="empty_tasks",
    schedule=None,
    start_date=pendulum.datetime(2020, 1, 1, tz="UTC"),
    catchup=False,
    params={"task_count": 1},
    default_args={"trigger_rule": TriggerRule.ALL_DONE_MIN_ONE_SUCCESS},
):
    accept_run = Numbers(task_id="accept_run")
    extract_videos = EmptyTask.partial(task_id="extract_videos", pool=POOL).expand(number=accept_run.output)
    check_search = EmptyTask(task_id="check_search")
    filter_comets = EmptyTask(task_id="filter_comets")
    upsert_creators = EmptyTask(task_id="upsert_creators")
    plan_roll_call = OneNumber(task_id="plan_roll_call")
    roll_call = EmptyTask.partial(task_id="roll_call", pool=POOL).expand(number=plan_roll_call.output)
    check_roll_call = EmptyTask(task_id="check_roll_call")
    update_creators = EmptyTask(task_id="update_creators")
    record_growth = EmptyTask(task_id="record_growth")
    score_creators = EmptyTask(task_id="score_creators")
    report = EmptyTask(task_id="report")

    extract_videos >> check_search >> filter_comets >> upsert_creators >> plan_roll_call
    roll_call >> check_roll_call >> update_creators >> record_growth >> score_creators >> report
    accept_run >> [plan_roll_call, check_roll_call, report]
