"""Default arguments of the tasks of every Dag of this package."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from comets.calls.retry_policy import MAX_RETRIES, CallRetryPolicy
from comets.database.connection import check_connection_first
from comets.deadline import STEP_TIMEOUTS, TASK_TIMEOUT
from comets.settings import DATABASE_CONN_ID, Settings


def task_defaults(settings: Settings, **changes: Any) -> dict[str, Any]:
    """Return ``default_args`` of a Dag: retries, timeout, and connection and parameters of SQL steps.

    The first statement of each SQL file sets ``statement_timeout`` and ``lock_timeout`` for its transaction.

    :param changes: arguments that differ in a Dag
    """
    return {
        "owner": "talent-scouting",
        "retries": MAX_RETRIES,
        "retry_policy": CallRetryPolicy(settings.retries),
        # Airflow uses this one, not the policy, when a task's process is killed; its own default is five minutes.
        "retry_delay": timedelta(seconds=settings.retries.delay_seconds),
        "execution_timeout": TASK_TIMEOUT,
        # Airflow's hook would repeat a malformed connection in its error, password included.
        "pre_execute": check_connection_first,
        "conn_id": DATABASE_CONN_ID,
        "parameters": {
            "run_id": "{{ run_id }}",
            "score_version": settings.score.version,
            "score_weights": settings.score.weights.model_dump_json(),
            "scored_at": "{{ ti.start_date }}",
            **STEP_TIMEOUTS,
        },
        **changes,
    }
