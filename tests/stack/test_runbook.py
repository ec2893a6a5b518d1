"""The commands of docs/howto/runbook.md, and `make doctor` on a running stack."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from airflow_client.client import PoolBody
from cryptography.fernet import Fernet

from comets.settings import DAG_ID, POOL
from include.stack.airflow_api import read_login
from include.stack.project import PROJECT
from tests.stack.running_stack import RunningStack
from tests.stack.test_demo import NOTHING_CONFIGURED
from tests.stack.test_doctor import Report, read_report

AT = datetime(2026, 3, 1, 2, tzinfo=UTC)
RUN_ID = "stuck__2026-03-01T02:00:00+00:00"
CONF = {"hashtags": ["#gymtok"], "pages_per_hashtag": 1}


@pytest.fixture
def fresh(stack: RunningStack) -> Iterator[RunningStack]:
    """The running stack without runs and data."""
    stack.reset()
    yield stack
    stack.sandbox.clear()


def run_doctor(stack: RunningStack) -> Report:
    """Run `make doctor` beside the running stack."""
    result = subprocess.run(
        [sys.executable, "-m", "include.stack", "doctor"],
        cwd=PROJECT,
        env=dict(stack.caller),
        capture_output=True,
        text=True,
        check=False,
    )
    return read_report(result)


def test_doctor_sees_the_running_airflow(fresh: RunningStack) -> None:
    slots = fresh.api.pools.get_pool(POOL).slots
    report = run_doctor(fresh)
    assert report.code == 0
    assert report["Airflow"][0] == "ok"
    assert fresh.api.url in report["Airflow"][1]
    assert report["pool"] == ("ok", f"{POOL} with {slots} slots")
    assert report["Dag files"][0] == "ok"
    fresh.api.pools.delete_pool(POOL)
    try:
        report = run_doctor(fresh)
    finally:
        fresh.api.pools.post_pool(PoolBody(name=POOL, slots=slots))
    assert (report.code, report["pool"][0]) == (1, "failed")


def test_stuck_run_ends_and_goes_on_after_a_clear(fresh: RunningStack) -> None:
    fresh.sandbox.set_faults({"fault": "timeout", "delay": 600})
    fresh.api.start(AT, CONF, RUN_ID)
    fresh.wait_for_task(RUN_ID, "extract_videos", {"running"})
    fresh.api.wait_for(lambda: bool(fresh.sandbox.calls()), 60, "no call began")
    fresh.airflow("dags", "list-runs", DAG_ID, "--state", "running")
    fresh.airflow("tasks", "states-for-dag-run", DAG_ID, RUN_ID)

    user, password = read_login(fresh.environment.variables)
    login = requests.post(f"{fresh.api.url}/auth/token", json={"username": user, "password": password}, timeout=30)
    answer = requests.patch(
        f"{fresh.api.url}/api/v2/dags/{DAG_ID}/dagRuns/{RUN_ID}",
        headers={"Authorization": f"Bearer {login.json()['access_token']}"},
        json={"state": "failed"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    assert fresh.end_of(RUN_ID) == "failed"
    sessions = "select count(*) as count from pg_stat_activity where datname = current_database()"
    fresh.api.wait_for(lambda: fresh.rows(sessions) == [{"count": 1}], 60, "the run's tasks did not end")
    (call,) = fresh.rows("select started_at, finished_at, is_billed from comet_calls")
    assert (call["finished_at"], call["is_billed"]) == (None, None)
    assert "has failed" in run_doctor(fresh)["runs"][1]

    fresh.sandbox.set_faults()
    fresh.airflow("dags", "clear", DAG_ID, "--run-id", RUN_ID, "--yes")
    assert fresh.end_of(RUN_ID) == "success"
    assert "runs" not in run_doctor(fresh)


def test_password_of_the_ui_applies_at_the_next_login(fresh: RunningStack) -> None:
    path = Path(fresh.environment.variables["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    before = path.read_text(encoding="utf-8")
    user, old = read_login(fresh.environment.variables)
    path.write_text(json.dumps({**json.loads(before), user: "another-password"}), encoding="utf-8")
    try:
        fresh.api.log_in(fresh.environment.variables)
        refused = requests.post(f"{fresh.api.url}/auth/token", json={"username": user, "password": old}, timeout=30)
    finally:
        path.write_text(before, encoding="utf-8")
    assert refused.status_code == 401
    fresh.api.log_in(fresh.environment.variables)


@pytest.fixture(scope="module")
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of a stack that does not run."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def airflow(state_folder: Path) -> Callable[..., str]:
    """Run Airflow's CLI as `make airflow` does; return its output."""

    def run(*arguments: str) -> str:
        result = subprocess.run(
            [sys.executable, "-m", "include.stack", "airflow-line", shlex.join(arguments)],
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], **NOTHING_CONFIGURED, "COMETS_STATE_DIR": str(state_folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    return run


def test_rotated_fernet_key_reads_what_is_stored(airflow: Callable[..., str], state_folder: Path) -> None:
    def change_key(change: Callable[[str], str]) -> None:
        keys: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**keys, "fernet_key": change(keys["fernet_key"])}), encoding="utf-8")

    airflow("connections", "add", "mine", "--conn-type", "http", "--conn-password", "a-stored-password")
    path = state_folder / "keys" / "keys.json"
    new = Fernet.generate_key().decode()
    change_key(lambda old: f"{new},{old}")
    airflow("rotate-fernet-key")
    change_key(lambda _: new)
    assert "a-stored-password" in airflow("connections", "get", "mine", "--output", "json")
