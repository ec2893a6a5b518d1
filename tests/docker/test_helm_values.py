"""include/helm/values.yaml follows the chart's schema and the settings of docker-compose.yaml.

helm/values.schema.json is the used part of the chart's schema.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from include.docker.__main__ import container_environment
from include.stack.environment import METADATA_VARIABLE
from include.stack.logins import PASSWORDS_FILE_VARIABLE as PASSWORDS_FILE
from tests.docker.compose import HOME, PROJECT_FOLDER, SERVICES, environment_of

VALUES_FILE = PROJECT_FOLDER / "include" / "helm" / "values.yaml"
SCHEMA_FILE = Path(__file__).with_name("helm") / "values.schema.json"
TEXT = VALUES_FILE.read_text(encoding="utf-8")
VALUES: dict[str, Any] = yaml.safe_load(TEXT)
ENVIRONMENT = {entry["name"]: entry["value"] for entry in VALUES["env"]}

ONLY_IN_HELM = {
    "AIRFLOW__CORE__AUTH_MANAGER": "the chart's default differs from Airflow's",
}
ONLY_IN_COMPOSE = {
    "AIRFLOW__CORE__EXECUTOR": "the chart's own parameter",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "in `config`, as a template with the release name",
    "AIRFLOW__API__SECRET_KEY": "a secret",
    "COMETS_APP_PASSWORD": "in the secret of the connection",
    "COMETS_BUNDLED_SERVER": "PostgreSQL is yours",
    "COMETS_CONFIGURED": "settings are a secret",
    "REDIS_PASSWORD": "in the secret of the broker",
    "COMETS_SANDBOX_URL": "the chart runs no sandbox",
    "DUMB_INIT_SETSID": "the chart sets it for workers",
    "AIRFLOW_CONFIG": "the chart mounts it",
    "USER": "the user is the image's",
    "AIRFLOW__CELERY__RESULT_BACKEND": "in a secret",
    "AIRFLOW__CELERY__BROKER_URL": "in the secret of the broker",
}
FROM_SECRETS = {
    METADATA_VARIABLE: "postgresql+psycopg2://u:p@h/airflow",
    "AIRFLOW__CELERY__RESULT_BACKEND": "db+postgresql+psycopg2://u:p@h/airflow",
    "AIRFLOW__CELERY__BROKER_URL": "redis://:p@comets-redis:6379/0",
    "DATABASE_URL": "postgresql://u:p@h/comets",
    "TIKHUB_API_KEY": "key",
}


def secret_names(values: Any) -> set[str]:
    """Return every secret that the values name."""
    if isinstance(values, list):
        return set().union(*(secret_names(value) for value in values))
    if isinstance(values, dict):
        inner = set().union(*(secret_names(value) for value in values.values()))
        return inner | {value for name, value in values.items() if name.lower().endswith("secretname")}
    return set()


def test_values_match_the_chart_schema() -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(SCHEMA_FILE), str(VALUES_FILE)]
    result = subprocess.run(checker, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_settings_match_the_compose_file(secrets: dict[str, str]) -> None:
    compose = environment_of("airflow-worker", secrets)
    # The chart's containers can write Airflow's home, those of Compose only /tmp.
    compose[PASSWORDS_FILE] = compose[PASSWORDS_FILE].replace("/tmp", HOME)
    assert {name for name in ENVIRONMENT.keys() & compose.keys() if ENVIRONMENT[name] != compose[name]} == set()
    assert ENVIRONMENT.keys() - compose.keys() == ONLY_IN_HELM.keys()
    assert compose.keys() - ENVIRONMENT.keys() == ONLY_IN_COMPOSE.keys()
    assert VALUES["executor"] == compose["AIRFLOW__CORE__EXECUTOR"]


def test_jobs_match_the_compose_file() -> None:
    assert VALUES["migrateDatabaseJob"]["args"][-1] == "exec " + " ".join(SERVICES["airflow-init"]["command"])
    # The chart has one server for the UI and for tasks.
    assert VALUES["apiServer"]["args"][-1].endswith("exec airflow " + SERVICES["airflow-apiserver"]["command"][0])


def test_every_secret_is_documented_and_none_is_in_the_file() -> None:
    from_environment = yaml.safe_load(VALUES["extraEnvFrom"])
    named = secret_names(VALUES) | {entry["secretRef"]["name"] for entry in from_environment}
    assert set(re.findall(r"^#     (comets-\w+)  ", TEXT, re.MULTILINE)) == named
    assert [name for name in ENVIRONMENT if re.search("KEY|SECRET|PASSWORD$|URL", name)] == []


def test_airflow_version_matches_the_lock_and_image_the_compose_file() -> None:
    locked = re.search(
        r"^apache-airflow(?:\[\S+\])?==(\S+)", (PROJECT_FOLDER / "requirements.txt").read_text(), re.MULTILINE
    )
    assert locked
    assert VALUES["airflowVersion"] == VALUES["defaultAirflowTag"] == locked[1]
    assert VALUES["images"]["airflow"]["repository"] == SERVICES["airflow-worker"]["image"]


def test_image_builds_connections_from_secrets() -> None:
    found = container_environment(ENVIRONMENT | FROM_SECRETS)
    assert {name: found[name] for name in FROM_SECRETS if name.startswith("AIRFLOW")} == {
        name: value for name, value in FROM_SECRETS.items() if name.startswith("AIRFLOW")
    }
    assert '"comets"' in found["AIRFLOW_CONN_COMETS_DB"]
    assert '"key"' in found["AIRFLOW_CONN_TIKHUB"]
