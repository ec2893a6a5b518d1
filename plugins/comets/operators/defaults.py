"""What the tasks of every Dag of this package have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from comets.calls.retry_policy import MAX_RETRIES, CallRetryPolicy
from comets.database.connection import check_connection_first
from comets.deadline import STEP_TIMEOUTS, TASK_TIMEOUT
from comets.settings import DATABASE_CONN_ID, Settings


def task_defaults(settings: Settings, **changes: Any) -> dict[str, Any]:
    """``default_args`` of a Dag: one retry policy, one timeout, and SQL files that need the run's id and the weights.

    The first statement of each SQL file sets ``statement_timeout`` and ``lock_timeout`` for its transaction.

    :param changes: what a Dag wants to be different
    """
    return {
        "owner": "talent-scouting",
        "retries": MAX_RETRIES,
        "retry_policy": CallRetryPolicy(settings.retries),
        # The policy is not asked when a task's process was killed; Airflow's own default is five minutes.
        "retry_delay": timedelta(seconds=settings.retries.delay_seconds),
        "execution_timeout": TASK_TIMEOUT,
        # Airflow's own hook would repeat a malformed connection in its error, and the password with it.
        "pre_execute": check_connection_first,
        # What the run was asked for stands in comet_runs.
        "conn_id": DATABASE_CONN_ID,
        "parameters": {
            "run_id": "{{ run_id }}",
            "score_version": settings.score.version,
            "score_weights": settings.score.weights.model_dump_json(),
            "scored_at": "{{ ti.start_date }}",
            **STEP_TIMEOUTS,
        },
        "split_statements": True,
        "hook_params": {"log_sql": False},
        **changes,
    }
