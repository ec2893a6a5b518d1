"""What `make distributed` sets beyond `make up`: the CeleryExecutor of docker-compose.yaml, on this machine.

The values are those of docker-compose.yaml and include/helm/values.yaml; tests compare the three.
"""

from collections.abc import Mapping

from include.stack.environment import METADATA_VARIABLE
from include.stack.processes import Part, airflow_command

BROKER_VARIABLE = "AIRFLOW__CELERY__BROKER_URL"
RESULTS_VARIABLE = "AIRFLOW__CELERY__RESULT_BACKEND"
EXECUTOR = {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}
VISIBILITY_VARIABLE = "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"
CELERY_SETTINGS = {
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": "4",
    # Longer than any task may take. What a lost worker has not acknowledged is delivered again after it, and Airflow
    # refuses to start it once more.
    VISIBILITY_VARIABLE: "3600",
}
WORKERS = ("worker-1", "worker-2")
# A task that takes longer to end goes on after its last landed page at the next start.
WORKER_GRACE_SECONDS = 30


def celery_variables(variables: Mapping[str, str], broker_url: str) -> dict[str, str]:
    """Turn the environment of `make up` into that of `make distributed`; what the caller has set for Celery wins."""
    queue = {BROKER_VARIABLE: broker_url}
    if METADATA_VARIABLE in variables:
        queue[RESULTS_VARIABLE] = f"db+{variables[METADATA_VARIABLE]}"
    return {**CELERY_SETTINGS, **queue, **variables, **EXECUTOR}


def celery_parts() -> list[Part]:
    """Return Airflow's components, with workers as separate processes."""
    return [
        # Tasks that end report to it.
        Part("api-server", airflow_command("api-server"), is_needed_to_end=True),
        Part("scheduler", airflow_command("scheduler")),
        Part("dag-processor", airflow_command("dag-processor")),
        Part("triggerer", airflow_command("triggerer", "--skip-serve-logs")),
        # All workers write into one folder, so one of them can show the logs of all.
        *(worker(name, shows_logs=name == WORKERS[0]) for name in WORKERS),
    ]


def worker(name: str, *, shows_logs: bool) -> Part:
    """Return a Celery worker; on one machine each needs a name of its own."""
    logs = () if shows_logs else ("--skip-serve-logs",)
    command = airflow_command("celery", "worker", "--celery-hostname", name, *logs)
    return Part(name, command, WORKER_GRACE_SECONDS, is_replaced=True)
