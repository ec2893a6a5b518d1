"""Settings of the Docker stack and the local stacks: the same, or different for a listed reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from comets.deadline import TASK_TIMEOUT
from include.docker.__main__ import container_environment
from include.stack.celery_settings import (
    BROKER_VARIABLE,
    RESULTS_VARIABLE,
    VISIBILITY_VARIABLE,
    WORKERS,
    celery_parts,
    celery_variables,
)
from include.stack.environment import resolve
from include.stack.postgres import INITDB_OPTIONS, SERVER_SETTINGS
from include.stack.processes import COMPONENTS
from tests.docker.compose import AIRFLOW_SERVICES, HOME, PROJECT_FOLDER, SERVICES, environment_of

OWN_SECRET = "each installation has its own"
DIFFERENT = {
    "AIRFLOW__API__SECRET_KEY": OWN_SECRET,
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "the api-server is another machine to a worker's container",
    "AIRFLOW__CORE__EXECUTOR": "workers in containers, processes of the scheduler without Docker",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": "in the container, or in the state folder",
    "AIRFLOW_CONN_COMETS_DB": "another server",
}
NOT_IN_WORKERS = "a worker's container does not know it; the other containers have their own"
ONLY_WITHOUT_DOCKER = {
    "AIRFLOW__API_AUTH__JWT_SECRET": NOT_IN_WORKERS,
    "AIRFLOW__CORE__FERNET_KEY": NOT_IN_WORKERS,
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": NOT_IN_WORKERS,
    "AIRFLOW_CONN_TIKHUB": "the sandbox is the default; in containers its profile enables it",
    "AIRFLOW_HOME": "the image sets it",
    "COMETS_REQUESTS_PER_SECOND": "comes with the sandbox",
    "AIRFLOW__API__HOST": "Compose publishes the port on 127.0.0.1",
    "AIRFLOW__API__PORT": "Compose maps the port",
    "AIRFLOW__CORE__HOSTNAME_CALLABLE": "a worker's container serves the logs of its running tasks",
    "AIRFLOW__CORE__DAGS_FOLDER": "the default of the image's AIRFLOW_HOME",
    "AIRFLOW__CORE__PLUGINS_FOLDER": "the default of the image's AIRFLOW_HOME",
    "AIRFLOW__CORE__PARALLELISM": "the workers' concurrency limits tasks in containers",
}
ONLY_IN_CONTAINERS = {
    "AIRFLOW__CELERY__BROKER_URL": "Celery",
    "AIRFLOW__CELERY__RESULT_BACKEND": "Celery",
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": "Celery",
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "Celery",
    "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "the scheduler's health check",
    "AIRFLOW_CONFIG": "the home is read-only",
    "COMETS_BUNDLED_SERVER": "address and role of a service",
    "COMETS_CONFIGURED": "settings in .env of which the containers have only the names",
    "CONNECTION_CHECK_MAX_COUNT": "read by the image's entrypoint",
    "COMETS_SANDBOX_URL": "address of a service",
    "DUMB_INIT_SETSID": "read by the image's first process",
    "USER": "the image knows no name for AIRFLOW_UID",
}
BROKER_URL = "redis://:secret@127.0.0.1:6379/0"
DIFFERENT_DISTRIBUTED = {name: reason for name, reason in DIFFERENT.items() if name != "AIRFLOW__CORE__EXECUTOR"} | {
    BROKER_VARIABLE: "another server",
    RESULTS_VARIABLE: "another server",
}
ONLY_IN_CONTAINERS_NOT_DISTRIBUTED = {name: reason for name, reason in ONLY_IN_CONTAINERS.items() if reason != "Celery"}


@pytest.fixture
def native(tmp_path: Path) -> dict[str, str]:
    """The environment of `make up` without any setting."""
    found = resolve({"COMETS_STATE_DIR": str(tmp_path)}, project=tmp_path).variables
    return {name: value for name, value in found.items() if name != "COMETS_STATE_DIR"}


@pytest.fixture
def distributed(native: dict[str, str]) -> dict[str, str]:
    """The environment of `make distributed` without any setting."""
    return celery_variables(native, BROKER_URL)


@pytest.fixture
def contained(secrets: dict[str, str]) -> dict[str, str]:
    """The environment of a worker's container with only the secrets set."""
    return container_environment(environment_of("airflow-worker", secrets))


def different(one: dict[str, str], contained: dict[str, str]) -> set[str]:
    """Return the variables whose values differ between a local stack and a container."""
    moved = {name: value.replace(HOME, str(PROJECT_FOLDER)) for name, value in contained.items()}
    return {name for name in one.keys() & moved.keys() if one[name] != moved[name]}


def test_shared_variables_match_or_differ_for_a_listed_reason(
    native: dict[str, str], distributed: dict[str, str], contained: dict[str, str]
) -> None:
    assert different(native, contained) == DIFFERENT.keys()
    assert different(distributed, contained) == DIFFERENT_DISTRIBUTED.keys()


def test_unshared_variables_have_a_listed_reason(
    native: dict[str, str], distributed: dict[str, str], contained: dict[str, str]
) -> None:
    assert native.keys() - contained.keys() == ONLY_WITHOUT_DOCKER.keys()
    assert contained.keys() - native.keys() == ONLY_IN_CONTAINERS.keys()
    assert distributed.keys() - contained.keys() == ONLY_WITHOUT_DOCKER.keys()
    assert contained.keys() - distributed.keys() == ONLY_IN_CONTAINERS_NOT_DISTRIBUTED.keys()


def test_visibility_timeout_exceeds_the_task_timeout(contained: dict[str, str]) -> None:
    assert int(contained[VISIBILITY_VARIABLE]) > 2 * TASK_TIMEOUT.total_seconds()


def test_celery_settings_of_the_caller_win(native: dict[str, str]) -> None:
    concurrency = "AIRFLOW__CELERY__WORKER_CONCURRENCY"
    assert celery_variables({**native, concurrency: "2"}, BROKER_URL)[concurrency] == "2"


def test_containers_run_the_same_components() -> None:
    commands = {
        " ".join(service["command"]).partition(" --")[0]
        for service in AIRFLOW_SERVICES.values()
        if service["command"][0] != "python"
    }
    programs = {command.split(" --")[0] for command in commands}
    assert {part.name for part in COMPONENTS} < programs
    started = [" ".join(part.command[2:]).split(" --")[0] for part in celery_parts()]
    assert set(started) == programs
    assert started.count("celery worker") == len(WORKERS) == 2


def test_both_servers_use_the_same_collation() -> None:
    wanted = [option for option in INITDB_OPTIONS if "locale" in option or "encoding" in option]
    assert SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split() == wanted
    assert f"max_connections={SERVER_SETTINGS['max_connections']}" in SERVICES["postgres"]["command"]
