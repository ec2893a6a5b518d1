"""Celery settings of `make distributed`; tests compare them with docker-compose.yaml and include/helm/values.yaml."""

from collections.abc import Mapping

from include.stack.environment import METADATA_VARIABLE
from include.stack.processes import COMPONENTS, Part, airflow_command

BROKER_VARIABLE = "AIRFLOW__CELERY__BROKER_URL"
RESULTS_VARIABLE = "AIRFLOW__CELERY__RESULT_BACKEND"
EXECUTOR = {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}
VISIBILITY_VARIABLE = "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"
CELERY_SETTINGS = {
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": "4",
    # Must exceed every task timeout: unacknowledged tasks are delivered again after this many seconds.
    VISIBILITY_VARIABLE: "3600",
}
WORKERS = ("worker-1", "worker-2")
WORKER_GRACE_SECONDS = 30


def celery_variables(variables: Mapping[str, str], broker_url: str) -> dict[str, str]:
    """Add Celery's settings to an environment; the caller's own Celery settings win."""
    queue = {BROKER_VARIABLE: broker_url}
    if METADATA_VARIABLE in variables:
        queue[RESULTS_VARIABLE] = f"db+{variables[METADATA_VARIABLE]}"
    return {**CELERY_SETTINGS, **queue, **variables, **EXECUTOR}


def celery_parts() -> list[Part]:
    """Return Airflow's components, with separate Celery workers."""
    return [
        # Ending tasks report to it.
        *(part._replace(stops_last=part.name == "api-server") for part in COMPONENTS),
        *map(worker, WORKERS),
    ]


def worker(name: str) -> Part:
    """Return a Celery worker."""
    command = airflow_command("celery", "worker", "--celery-hostname", name, "--skip-serve-logs")
    return Part(name, command, WORKER_GRACE_SECONDS, is_restarted=True)
