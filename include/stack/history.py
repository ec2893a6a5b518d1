"""Run the Dag's operators for past dates in one process: `python -m include.stack.history URL HOUR DATE...`.

Without the scheduler a month takes seconds.
"""

import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from datetime import time as clock
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import BaseOperator
from airflow.sdk.bases.operator import ExecutorSafeguard

from comets.deadline import TASK_TIMEOUT
from comets.operators.accept_run import AcceptRunOperator
from comets.operators.extract_videos import ExtractVideosOperator
from comets.operators.quality_check import QualityCheckOperator
from comets.operators.report import ReportOperator
from comets.operators.roll_call import PlanRollCallOperator, RollCallOperator
from comets.params import trigger_form
from comets.settings import DATABASE_CONN_ID, SQL_FOLDER, settings
from include.sandbox.client import SandboxClient

SCORED_AFTER = timedelta(minutes=30)


def main(sandbox_url: str, hour: int, days: Sequence[date]) -> None:
    """Run the dates at an hour of the Dag's timezone, with the sandbox's clock set to it."""
    # Operators warn outside a task runner.
    ExecutorSafeguard.test_mode = True
    sandbox = SandboxClient(sandbox_url)
    for day in days:
        at = datetime.combine(day, clock(hour), ZoneInfo(settings().timezone))
        sandbox.set_clock(at)
        run_day(at)


def run_day(at: datetime) -> None:
    """Run the steps of the Dag in order."""
    dag_run = SimpleNamespace(run_id=f"history__{at.isoformat()}", logical_date=at, run_after=at, clear_number=0)
    ti = SimpleNamespace(dag_id="", run_id=dag_run.run_id, xcom_push=lambda **_: None)
    context: dict[str, Any] = {
        "dag_run": dag_run,
        "ti": ti,
        "params": {name: param.value for name, param in trigger_form(settings()).items()},
    }

    def run(kind: type[BaseOperator], task_id: str, **arguments: Any) -> Any:
        operator = kind(task_id=task_id, execution_timeout=TASK_TIMEOUT, **arguments)
        return operator.execute(context)  # type: ignore[arg-type]

    def run_sql(name: str) -> None:
        parameters = {
            "run_id": dag_run.run_id,
            "score_version": settings().score.version,
            "score_weights": settings().score.weights.model_dump_json(),
            "scored_at": at + SCORED_AFTER,
            "statement_timeout": "0",
            "lock_timeout": "0",
        }
        run(
            SQLExecuteQueryOperator,
            name,
            sql=(SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8"),
            conn_id=DATABASE_CONN_ID,
            parameters=parameters,
            split_statements=True,
            hook_params={"log_sql": False},
        )

    groups = run(AcceptRunOperator, "accept_run")
    for hashtags in groups:
        run(ExtractVideosOperator, "extract_videos", hashtags=hashtags)
    run(QualityCheckOperator, "check_search", step="search")
    run_sql("filter_comets")
    run_sql("upsert_creators")
    for batch_number in run(PlanRollCallOperator, "plan_roll_call"):
        run(RollCallOperator, "roll_call", batch_number=batch_number)
    run(QualityCheckOperator, "check_roll_call", step="roll_call", after="search")
    for name in ("upsert_creators", "record_growth", "score_creators"):
        run_sql(name)
    states = {dag_run.run_id: {f"extract_videos_{number}": "success" for number in range(len(groups))}}
    ti.get_task_states = lambda **_: states
    run(ReportOperator, "report", extract_task_id="extract_videos", groups=groups)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), [date.fromisoformat(text) for text in sys.argv[3:]])
