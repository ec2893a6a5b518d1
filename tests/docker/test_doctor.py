"""The image's `comets-doctor` on Airflow's real database, and on containers without one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from comets.settings import POOL
from include.sandbox.client import SandboxClient
from include.stack.environment import METADATA_VARIABLE
from include.stack.postgres import EmbeddedPostgres
from include.stack.processes import airflow_command
from tests.conftest import PROJECT_FOLDER, postgres_connection, tikhub_connection_to
from tests.docker.compose import SERVICES
from tests.stack.test_doctor import KEY, Report, read_report

COMMAND = PROJECT_FOLDER / "include" / "docker" / "bin" / "comets-doctor"


def run_in_container(*command: str, **variables: str) -> Report:
    """Run the command, or another, with a container's environment."""
    folders = (PROJECT_FOLDER, PROJECT_FOLDER / "plugins")
    python = PROJECT_FOLDER / ".venv" / "bin"
    result = subprocess.run(
        command or [COMMAND],
        cwd=PROJECT_FOLDER,
        env={
            "PATH": f"{python}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return read_report(result)


@pytest.fixture(scope="module")
def dags_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's Dag files and a broken one."""
    folder = tmp_path_factory.mktemp("dags")
    for file in (PROJECT_FOLDER / "dags").iterdir():
        if file.is_file():
            (folder / file.name).symlink_to(file)
    (folder / "search_trending.py").write_text("from airflow.sdk import DAG\nraise RuntimeError('no trends today')\n")
    return folder


@pytest.fixture(scope="module")
def airflow(postgres: EmbeddedPostgres, dags_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of an Airflow that has parsed the Dags and does not run."""
    name = "airflow_of_the_doctor"
    postgres.create_database(name)
    home = tmp_path_factory.mktemp("airflow")
    variables = {
        METADATA_VARIABLE: postgres.sqlalchemy_url(name),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "http://127.0.0.1:1/execution/",
    }
    for command in (("db", "migrate"), ("dags", "reserialize")):
        environment = {**os.environ, **variables, "PYTHONPATH": str(PROJECT_FOLDER / "plugins")}
        subprocess.run(airflow_command(*command), env=environment, capture_output=True, check=True)
    return variables


@pytest.fixture
def container(sandbox: SandboxClient, database_url: str, airflow: dict[str, str]) -> dict[str, str]:
    """Variables of a container that has all secrets."""
    connections = {
        "AIRFLOW_CONN_TIKHUB": tikhub_connection_to(sandbox, KEY),
        "AIRFLOW_CONN_COMETS_DB": postgres_connection(database_url),
    }
    return {**airflow, **connections}


def test_missing_pool_paused_and_broken_dags_and_silent_components_are_reported(
    container: dict[str, str], postgres: EmbeddedPostgres
) -> None:
    with psycopg.connect(postgres.url("airflow_of_the_doctor"), autocommit=True) as connection:
        connection.execute("update dag set is_paused = dag_id <> 'forget_creator'")
    report = run_in_container(**container)
    assert report.code == 1
    assert report["pool"][0] == "failed"
    assert report["pool"][1].endswith(f"Run: airflow pools set {POOL} 4 TikHub")
    assert report["schedule"][0] == "warn"
    assert "airflow dags unpause comet_maintenance" in report["schedule"][1]
    assert "forget_creator" not in report["schedule"][1]
    assert report["Dag files"][0] == "failed"
    assert "search_trending.py can't be imported: RuntimeError: no trends today." in report["Dag files"][1]
    assert report["Airflow"][0] == "failed"
    assert {report[name][0] for name in ("settings", "database", "TikHub", "clocks", "backup", "disk")} == {"ok"}


def test_pool_schedule_and_stuck_runs_are_read_from_airflows_database(
    container: dict[str, str], postgres: EmbeddedPostgres
) -> None:
    slots = "insert into slot_pool (pool, slots, description, include_deferred) values (%s, 0, '', false)"
    with psycopg.connect(postgres.url("airflow_of_the_doctor"), autocommit=True) as connection:
        connection.execute(slots, [POOL])
        assert run_in_container(**container)["pool"][0] == "failed"
        connection.execute("update slot_pool set slots = 3 where pool = %s", [POOL])
        connection.execute("update dag set is_paused = false, next_dagrun_create_after = now() + interval '1 hour'")
        connection.execute(
            "insert into dag_run (dag_id, run_id, state, run_type, run_after, start_date, log_template_id, "
            "clear_number, span_status) select 'comet_discovery', 'old', 'running', 'manual', now(), "
            "now() - interval '7 hours', max(id), 0, 'not_started' from log_template"
        )
        report = run_in_container(**container)
        connection.execute("update dag set next_dagrun_create_after = now() - interval '1 hour'")
        overdue = run_in_container(**container)["schedule"]
        connection.execute("update dag set is_paused = true where dag_id = 'forget_creator'")
        erasing = run_in_container(**container)["schedule"]
        connection.execute("delete from dag where dag_id = 'forget_creator'")
        unknown = run_in_container(**container)["schedule"]
    assert report["pool"] == ("ok", f"{POOL} with 3 slots")
    assert report["schedule"][0] == "ok"
    assert report["runs"][0] == "warn"
    assert "comet_discovery old" in report["runs"][1]
    assert (overdue[0], "overdue" in overdue[1]) == ("warn", True)
    assert erasing[0] == "warn"
    assert "requests to erase wait" in erasing[1]
    assert (unknown[0], "does not know forget_creator" in unknown[1]) == ("failed", True)


def test_unmigrated_or_unreachable_database_of_airflow_fails(
    container: dict[str, str], postgres: EmbeddedPostgres
) -> None:
    postgres.create_database("empty_metadata")
    report = run_in_container(**container | {METADATA_VARIABLE: postgres.sqlalchemy_url("empty_metadata")})
    assert (report.code, report["Airflow"][0]) == (1, "failed")
    assert "run: airflow db migrate" in report["Airflow"][1]
    url = "postgresql+psycopg2://me:top-secret@127.0.0.1:1/x"
    report = run_in_container(**container | {METADATA_VARIABLE: url})
    assert report["Airflow"][0] == "failed"
    assert "top-secret" not in str(report)


def test_container_without_secrets_names_the_service_that_has_them() -> None:
    report = run_in_container(sys.executable, "-m", "include.docker.doctor", AIRFLOW_HOME=str(PROJECT_FOLDER))
    assert report.code == 0
    unseen = {name: text for name, (level, text) in report.items() if level == "warn"}
    assert unseen.keys() == {"database", "TikHub", "Airflow"}
    assert all("docker compose run --rm doctor" in text for text in unseen.values())


def test_service_runs_the_command_only_on_request() -> None:
    service = SERVICES["doctor"]
    assert (service["entrypoint"], service["profiles"], service["restart"]) == (["comets-doctor"], ["doctor"], "no")
    assert os.access(COMMAND, os.X_OK)
    assert COMMAND.parent == PROJECT_FOLDER / "include" / "docker" / "bin"
