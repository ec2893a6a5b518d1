"""include/helm/values.yaml follows the chart's schema and the settings of docker-compose.yaml.

helm/values.schema.json is the used part of the chart's schema.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.docker.__main__ import container_environment
from include.stack.environment import METADATA_VARIABLE
from include.stack.logins import PASSWORDS_FILE_VARIABLE as PASSWORDS_FILE
from tests.docker.compose import PROJECT_FOLDER, SERVICES, environment_of

VALUES_FILE = PROJECT_FOLDER / "include" / "helm" / "values.yaml"
SCHEMA_FILE = Path(__file__).with_name("helm") / "values.schema.json"
TEXT = VALUES_FILE.read_text(encoding="utf-8")
REQUIREMENTS = (PROJECT_FOLDER / "requirements.txt").read_text(encoding="utf-8")
VALUES: dict[str, Any] = yaml.safe_load(TEXT)
ENVIRONMENT = {entry["name"]: entry["value"] for entry in VALUES["env"]}
AIRFLOW_PODS = ("apiServer", "scheduler", "dagProcessor", "triggerer", "workers", "migrateDatabaseJob")
PODS = (*AIRFLOW_PODS, "databaseCleanup", "redis", "otelCollector")

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
        named = {value for name, value in values.items() if name.lower().endswith("secretname")}
        return inner | named | {value["name"] for name, value in values.items() if name == "secretKeyRef"}
    return set()


def secrets_of(component: str) -> dict[str, tuple[str, str]]:
    """Return the variables of a component that come from secrets, with the name and key of the secret."""
    entries = [entry for entry in VALUES[component].get("env", []) if "valueFrom" in entry]
    found = {entry["name"]: entry["valueFrom"]["secretKeyRef"] for entry in entries}
    return {name: (secret["name"], secret["key"]) for name, secret in found.items()}


def test_values_match_the_chart_schema() -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(SCHEMA_FILE), str(VALUES_FILE)]
    result = subprocess.run(checker, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_settings_match_the_compose_file(secrets: dict[str, str]) -> None:
    compose = environment_of("airflow-worker", secrets)
    assert {name for name in ENVIRONMENT.keys() & compose.keys() if ENVIRONMENT[name] != compose[name]} == set()
    assert ENVIRONMENT.keys() - compose.keys() == ONLY_IN_HELM.keys()
    assert compose.keys() - ENVIRONMENT.keys() == ONLY_IN_COMPOSE.keys()
    assert VALUES["executor"] == compose["AIRFLOW__CORE__EXECUTOR"]


def test_jobs_match_the_compose_file() -> None:
    assert VALUES["migrateDatabaseJob"]["args"][-1] == "exec " + " ".join(SERVICES["airflow-init"]["command"])
    assert VALUES["databaseCleanup"]["args"] == [*SERVICES["backup"]["command"], "clean"]
    # The chart has one server for the UI and for tasks.
    assert VALUES["apiServer"]["args"][-1].endswith("exec airflow api-server --proxy-headers")


def test_every_secret_is_documented_and_none_is_in_the_file() -> None:
    assert set(re.findall(r"^#     (comets-\w+)  ", TEXT, re.MULTILINE)) == secret_names(VALUES)
    assert [name for name in ENVIRONMENT if re.search("KEY|SECRET|PASSWORD$|URL", name)] == []


def test_each_component_has_its_own_secrets_only() -> None:
    dags = {name: ("comets-settings", name) for name in ("DATABASE_URL", "COMETS_NOTICES_URL")}
    assert {component: secrets_of(component) for component in AIRFLOW_PODS} == {
        "workers": {**dags, "TIKHUB_API_KEY": ("comets-settings", "TIKHUB_API_KEY")},
        "dagProcessor": dags,
        "apiServer": {"DATABASE_URL": ("comets-page", "DATABASE_URL")},
        "migrateDatabaseJob": {"DATABASE_URL": ("comets-owner", "DATABASE_URL")},
        "scheduler": {},
        "triggerer": {},
    }
    assert {"extraEnv", "extraEnvFrom", "secret"}.isdisjoint(VALUES)


def test_every_component_has_resources_and_no_token_of_the_cluster() -> None:
    sidecars = [VALUES[component]["logGroomerSidecar"] for component in AIRFLOW_PODS[1:5]]
    for limited in [*(VALUES[component] for component in PODS), *sidecars]:
        assert {"cpu", "memory"} <= limited["resources"]["requests"].keys()
        assert "memory" in limited["resources"]["limits"]
    for component in (*AIRFLOW_PODS, "databaseCleanup", "redis"):
        assert VALUES[component]["serviceAccount"] == {"automountServiceAccountToken": False}
    assert VALUES["allowPodLaunching"] is VALUES["apiServer"]["allowPodLogReading"] is False


@pytest.mark.parametrize("component", [None, "redis", "otelCollector"])
def test_containers_have_no_rights_on_the_machine(component: str | None) -> None:
    contexts = VALUES[component]["securityContexts"] if component else VALUES["securityContexts"]
    pod, container = contexts["pod"], contexts["container" if component else "containers"]
    assert pod["runAsNonRoot"] is True
    assert pod["runAsUser"] > 0
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_written_files_are_in_writable_volumes() -> None:
    [mount] = VALUES["volumeMounts"]
    assert mount["name"] in [volume["name"] for volume in VALUES["volumes"] if "emptyDir" in volume]
    assert ENVIRONMENT[PASSWORDS_FILE].startswith(f"{mount['mountPath']}/")


def test_servers_survive_the_loss_of_one_pod() -> None:
    for component in ("apiServer", "scheduler"):
        assert VALUES[component]["replicas"] == 2
        assert VALUES[component]["podDisruptionBudget"] == {"enabled": True, "config": {"maxUnavailable": 1}}


def test_network_policy_lets_tasks_and_the_ingress_reach_the_api_server() -> None:
    # With no peer listed, the chart's policy lets nothing in, and every task fails.
    assert VALUES["networkPolicies"] == {"enabled": True}
    tasks, ingress = VALUES["apiServer"]["networkPolicy"]["ingress"]["from"]
    assert tasks == {"podSelector": {"matchLabels": {"tier": "airflow"}}}
    assert ingress.keys() == {"namespaceSelector"}


def test_metrics_use_a_client_that_the_image_has() -> None:
    locked = set(re.findall(r"^([\w-]+)(?:\[\S+\])?==", REQUIREMENTS, re.MULTILINE))
    assert VALUES["otelCollector"]["metricsEnabled"] is ("opentelemetry-exporter-otlp-proto-http" in locked)
    assert VALUES["statsd"]["enabled"] is ("statsd" in locked)
    rendered = VALUES["otelCollector"]["config"].replace("{{ .Values.ports.otelCollectorOtlpHttp }}", "4318")
    pipeline = yaml.safe_load(rendered)["service"]["pipelines"]["metrics"]
    assert pipeline["receivers"] == ["otlp"]
    assert set(pipeline["exporters"]) == yaml.safe_load(rendered)["exporters"].keys()


def test_image_has_the_version_of_the_package() -> None:
    project = tomllib.loads((PROJECT_FOLDER / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert VALUES["images"]["airflow"]["tag"] == project["version"]


def test_airflow_version_matches_the_lock_and_image_the_compose_file() -> None:
    locked = re.search(r"^apache-airflow(?:\[\S+\])?==(\S+)", REQUIREMENTS, re.MULTILINE)
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
