"""Static checks of docker-compose.yaml, Dockerfile and .dockerignore."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from tests.docker.compose import (
    AIRFLOW_SERVICES,
    COMPOSE_FILE,
    HOME,
    PROJECT_FOLDER,
    SERVICES,
    passed_through,
    references,
    required,
)

DOCKERFILE = (PROJECT_FOLDER / "Dockerfile").read_text(encoding="utf-8")
SECRET_NAME = re.compile("PASSWORD|SECRET|KEY")
# Variables of .env.example without effect in containers, with the reason.
ONLY_WITHOUT_DOCKER = {
    "COMETS_STATE_DIR": "containers keep their state in volumes",
    "COMETS_SETTINGS_FILE": "a path of this machine; containers see include/comets.yaml",
}


def copied_folders() -> set[str]:
    """Return the sources of the Dockerfile's COPY lines."""
    return {shlex.split(line)[-2] for line in DOCKERFILE.splitlines() if line.startswith("COPY")}


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Return the project's mounted folders by their path in the container."""
    return {text.split(":")[1]: text.split(":")[0] for text in service["volumes"] if text.startswith(".")}


def test_file_matches_the_compose_specification() -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE_FILE)]
    result = subprocess.run(checker, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_secrets_have_no_default() -> None:
    kinds = {name: found for name, found in references().items() if SECRET_NAME.search(name)}
    assert kinds
    assert all("?" in found and "-" not in found for found in kinds.values()), kinds


def test_file_contains_no_secret() -> None:
    literal = {
        f"{service}: {name}"
        for service, parts in SERVICES.items()
        for name, text in parts.get("environment", {}).items()
        if SECRET_NAME.search(name) and not name.endswith("_FILE") and text is not None and not text.startswith("${")
    }
    assert literal == set()


def test_ports_are_configurable_and_bound_to_loopback() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(re.fullmatch(r"127\.0\.0\.1:\$\{COMETS_\w+_PORT:-\d+\}:\d+", port) for port in published), published


def test_airflow_waits_for_its_servers_and_init() -> None:
    for name in AIRFLOW_SERVICES.keys() - {"airflow-init"}:
        wanted = AIRFLOW_SERVICES[name]["depends_on"]
        assert wanted["airflow-init"] == {"condition": "service_completed_successfully"}, name
        assert {wanted[server]["condition"] for server in ("postgres", "redis")} == {"service_healthy"}, name
    assert SERVICES["airflow-init"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_workers_can_be_scaled() -> None:
    assert SERVICES["airflow-worker"].keys().isdisjoint({"container_name", "ports", "hostname"})


def test_image_contains_every_mounted_folder() -> None:
    mounted = mounts(SERVICES["airflow-init"])
    for target, source in mounted.items():
        assert re.search(rf"^COPY .*{Path(source).name} {re.escape(target)}$", DOCKERFILE, re.MULTILINE), target
    assert copied_folders() == {Path(source).name for source in mounted.values()} | {"requirements.txt"}


def test_image_contains_nothing_else() -> None:
    lines = (PROJECT_FOLDER / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert patterns[0] == "*"
    assert {pattern[1:] for pattern in patterns if pattern.startswith("!")} == copied_folders()


def test_image_has_the_locked_airflow_version() -> None:
    lock = (PROJECT_FOLDER / "requirements.txt").read_text(encoding="utf-8")
    locked = re.search(r"^apache-airflow(?:\[\S+\])?==(\S+)", lock, re.MULTILINE)
    tag = re.search(r"^FROM apache/airflow:slim-(\S+)-python", DOCKERFILE, re.MULTILINE)
    assert locked
    assert tag
    assert tag[1] == locked[1]


def test_image_does_not_run_as_root() -> None:
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == ["50000"]
    assert all(service.get("user") == "${AIRFLOW_UID:-50000}:0" for service in AIRFLOW_SERVICES.values())


def test_image_paths_lead_to_the_project_and_its_airflow_wrapper() -> None:
    assert f"ENV PYTHONPATH={SERVICES['airflow-init']['environment']['PYTHONPATH']}\n" in DOCKERFILE
    folder = re.search(rf"^ENV PATH={HOME}/(\S+):\$PATH$", DOCKERFILE, re.MULTILINE)
    assert folder
    assert os.access(PROJECT_FOLDER / folder[1] / "airflow", os.X_OK)


def test_every_variable_is_documented_and_passed_to_containers_or_listed() -> None:
    text = (PROJECT_FOLDER / ".env.example").read_text(encoding="utf-8")
    explained = set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))
    assert explained == references().keys() | passed_through() | ONLY_WITHOUT_DOCKER.keys()


def test_example_file_sets_no_secret() -> None:
    values = dotenv_values(PROJECT_FOLDER / ".env.example")
    assert [name for name in required() if values.get(name)] == []
