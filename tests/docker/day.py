"""Run days in the containers, attack them, and print what was seen: `python -m tests.docker.day FOLDER`.

A program, because it must have a network and processes of its own; see test_containers.py.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

from comets.settings import DAG_ID
from tests.docker.compose import AIRFLOW_SERVICES, SERVICES
from tests.docker.containers import ADDRESSES, Containers, running_containers

PAGE, EXECUTION = (f"http://{ADDRESSES[name]}:8080" for name in ("airflow-apiserver", "airflow-execution-api"))
RUN_SECONDS = 240
CLOSED = (
    "/",
    "/usr",
    "/opt/airflow",
    "/opt/airflow/dags",
    "/opt/airflow/plugins",
    "/opt/airflow/include",
    "/run/secrets",
)
OPEN = ("/tmp", "/opt/airflow/logs")


def main(folder: Path) -> dict[str, Any]:
    """Run two days, the second without the page; return what was seen."""
    with running_containers(folder, {"COMPOSE_PROFILES": "sandbox"}) as containers:
        containers.run("airflow-scheduler", "airflow", "dags", "unpause", DAG_ID)
        seen: dict[str, Any] = {"first run": run_dag(containers, "first")}
        seen |= {
            "pages": read_pages(folder),
            "statuses": {
                "page without a login": status(f"{PAGE}/comets/leaderboard.json"),
                # Unknown paths get the UI's start page.
                "tasks' API at the page's server": status(f"{PAGE}/execution/task-instances/1/run", "PATCH"),
                "tasks' API at the tasks' server": status(f"{EXECUTION}/execution/task-instances/1/run", "PATCH"),
                "page at the tasks' server": status(f"{EXECUTION}/comets/leaderboard.json"),
                "API at the tasks' server": status(f"{EXECUTION}/api/v2/dags"),
            },
            "writable": {name: writable(containers, name) for name in AIRFLOW_SERVICES},
            "processes": processes(folder),
            "backup": containers.run("backup", *SERVICES["backup"]["command"], "now"),
        }
        page = next(
            process for process in psutil.process_iter() if f"host:{ADDRESSES['airflow-apiserver']}" in line(process)
        )
        page.terminate()
        page.wait(60)
        seen["run without the page"] = run_dag(containers, "second")
        return seen


def run_dag(containers: Containers, run_id: str) -> str:
    """Trigger a run; return its state when it has ended."""
    containers.run("airflow-scheduler", "airflow", "dags", "trigger", DAG_ID, "--run-id", run_id)
    password = (containers.folder / "secrets" / "AIRFLOW_METADATA_PASSWORD").read_text()
    address = make_conninfo(host="127.0.0.1", user="airflow_metadata", password=password, dbname="airflow")
    deadline = time.monotonic() + RUN_SECONDS
    with psycopg.connect(address, autocommit=True) as connection:
        while True:
            (state,) = connection.execute("select state from dag_run where run_id = %s", [run_id]).fetchone() or (
                "none",
            )
            if state in ("success", "failed") or time.monotonic() > deadline:
                return str(state)
            time.sleep(0.5)


def read_pages(folder: Path) -> dict[str, int]:
    """Log in and return the length of each page of the UI's server."""
    login = {"username": "admin", "password": (folder / "secrets" / "COMETS_UI_PASSWORD").read_text()}
    token = json.loads(request("/auth/token", login, {"Content-Type": "application/json"}))["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    rows = json.loads(request("/comets/leaderboard.json", None, headers))["rows"]
    creator = f"/comets/creators/{rows[0]['user_id']}"
    paths = ("/comets/", "/comets/hashtags", "/comets/runs", "/comets/fastest", "/comets/leaderboard.csv", creator)
    return {path: len(request(path, None, headers)) for path in paths}


def request(path: str, body: Any, headers: Mapping[str, str]) -> bytes:
    """Return the answer of the UI's server to a request."""
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(f"{PAGE}{path}", data, dict(headers)), timeout=30) as answer:
        return bytes(answer.read())


def status(url: str, method: str = "GET") -> int:
    """Return the status of the answer to a request without a login."""
    try:
        with urlopen(Request(url, method=method), timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def writable(containers: Containers, service: str) -> list[str]:
    """Return the folders in which a service can write."""
    script = 'for folder; do touch "$folder/probe" 2>/dev/null && echo "$folder" && rm "$folder/probe"; done; true'
    return containers.run(service, "sh", "-c", script, "sh", *CLOSED, *OPEN).split()


def processes(folder: Path) -> dict[str, list[str]]:
    """Return Airflow's processes, and those that show or can do too much."""
    values = {
        path.read_text() for path in (folder / "secrets").iterdir() if path.suffix != ".env" and path.stat().st_size
    }
    ours = [process for process in psutil.process_iter() if process.uids().real == 50000]
    rights = {process: Path(f"/proc/{process.pid}/status").read_text() for process in ours}
    return {
        "all": [process.name() for process in ours],
        "with a secret in the command line": [
            line(process) for process in psutil.process_iter() if any(v in line(process) for v in values)
        ],
        "with a capability": [
            process.name() for process, text in rights.items() if "CapEff:\t0000000000000000" not in text
        ],
    }


def line(process: psutil.Process) -> str:
    """Return the command line of a process; empty if it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
