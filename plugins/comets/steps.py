"""What the tasks of every Dag of this package have in common."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from comets.retries import MAX_RETRIES, CallRetryPolicy
from comets.settings import DATABASE_CONN_ID, Settings

TASK_TIMEOUT = timedelta(minutes=15)
"""Longest time for one try of a task."""


def step_defaults(settings: Settings) -> dict[str, Any]:
    """``default_args`` of a Dag: one retry policy, one timeout, and SQL files that need nothing but the run's id."""
    return {
        "owner": "talent-scouting",
        "retries": MAX_RETRIES,
        "retry_policy": CallRetryPolicy(settings.retries),
        # The policy is not asked when a task's process was killed; Airflow's own default is five minutes.
        "retry_delay": timedelta(seconds=settings.retries.delay_seconds),
        "execution_timeout": TASK_TIMEOUT,
        # What the run was asked for stands in comet_runs.
        "conn_id": DATABASE_CONN_ID,
        "parameters": {"run_id": "{{ run_id }}"},
        "split_statements": True,
        "hook_params": {"log_sql": False},
    }
