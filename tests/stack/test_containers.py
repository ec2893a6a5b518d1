"""docker-compose.yaml as a running stack, without a container engine; see tests/docker/containers.py."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import REQUIRED, TEST_FOLDER
from tests.docker.compose import AIRFLOW_SERVICES, PROJECT_FOLDER
from tests.docker.containers import missing_program
from tests.docker.day import OPEN

# Processes, network and mounts of its own; all of it ends with the program.
APART = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What tests.docker.day has seen."""
    obstacle = missing_program()
    if obstacle is None and (os.geteuid() or subprocess.run([*APART, "true"], check=False).returncode):
        obstacle = "the right to create namespaces, such as that of root,"
    if obstacle and "namespaces" in REQUIRED:
        pytest.fail(f"COMETS_REQUIRE names namespaces, and {obstacle} is missing")
    if obstacle:
        pytest.skip(f"{obstacle} is missing")
    folder = TEST_FOLDER / "containers"
    folder.mkdir()
    command = [*APART, sys.executable, "-m", "tests.docker.day", str(folder)]
    paths = os.pathsep.join([str(PROJECT_FOLDER), str(PROJECT_FOLDER / "plugins")])
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": paths}
    result = subprocess.run(
        command, cwd=PROJECT_FOLDER, env=environment, capture_output=True, text=True, timeout=460, check=False
    )
    assert result.returncode == 0, result.stderr[-4000:]
    return dict(json.loads(result.stdout.splitlines()[-1]))


def test_dags_run_with_the_rights_of_their_role(seen: dict[str, Any]) -> None:
    assert seen["first run"] == "success"


def test_page_shows_all_its_views_with_the_rights_of_its_role(seen: dict[str, Any]) -> None:
    assert len(seen["pages"]) == 6
    assert min(seen["pages"].values()) > 0


def test_page_and_tasks_have_servers_of_their_own(seen: dict[str, Any]) -> None:
    assert seen["statuses"] == {
        "page without a login": 401,
        "tasks' API at the page's server": 405,
        "tasks' API at the tasks' server": 401,
        "page at the tasks' server": 404,
        "API at the tasks' server": 404,
    }
    assert seen["run without the page"] == "success"


@pytest.mark.parametrize("service", sorted(AIRFLOW_SERVICES))
def test_service_can_write_logs_and_temporary_files_only(seen: dict[str, Any], service: str) -> None:
    assert seen["writable"][service] == list(OPEN)


def test_backup_of_made_up_data_has_airflows_database_only(seen: dict[str, Any]) -> None:
    assert re.fullmatch(r"Saved Airflow's database to /opt/airflow/backups/comets-\S+\.tar\.\n", seen["backup"])


def test_processes_show_no_secret_and_have_no_capability(seen: dict[str, Any]) -> None:
    found = seen["processes"]
    assert len(found["all"]) >= len(AIRFLOW_SERVICES)
    assert found["with a secret in the command line"] == []
    assert found["with a capability"] == []
