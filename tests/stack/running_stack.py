"""A running local stack for tests: databases, sandbox and Airflow with its scheduler."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import psycopg
from airflow_client.client import (
    AssetApi,
    AssetEventResponse,
    ClearTaskInstancesBody,
    DAGRunResponse,
    TaskInstanceApi,
    TriggerDAGRunPostBody,
)
from airflow_client.client.exceptions import ConflictException
from psycopg import sql

from comets.settings import DAG_ID
from include.sandbox.client import SandboxClient
from include.stack.airflow_api import FINAL_STATES, AirflowApi, entries, state_of
from include.stack.connections import database_connection
from include.stack.database import connect
from include.stack.demo import DAG_SECONDS
from include.stack.environment import (
    CONNECTION_VARIABLE,
    METADATA_DATABASE,
    SANDBOX_DATABASE,
    Environment,
    resolve,
)
from include.stack.keys import passwords_file
from include.stack.ports import free_port
from include.stack.postgres import EmbeddedPostgres
from include.stack.project import PROJECT
from include.stack.sandbox import sandbox_url
from include.stack.up import running_airflow
from tests.conftest import FAST_SETTINGS, PROFILE_VARIABLE
from tests.secret_scan import database_texts
from tests.stack.test_demo import NOTHING_CONFIGURED

RUN_SECONDS = 900
UI_USER = "admin"
PRISTINE_DATABASE = "pristine"
DATABASE_PASSWORD = "Stack:pass/word@0123456789%"

CRASHES_VARIABLE = "COMETS_TEST_CRASHES"
CRASH_MODULE_FOLDER = Path(__file__).with_name("crashes")

# No scheduled runs, and no repeated parsing of unchanged Dag files.
AIRFLOW_SETTINGS = {
    "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "3600",
    # A supervisor may detect a killed task only at its next heartbeat.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    # Airflow's default is five minutes, checked every 10 s.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
}

Conf = Mapping[str, Any]


class DagApi(AirflowApi):
    """Airflow's REST API with operations that only tests need."""

    def start(self, logical_date: datetime, conf: Conf, run_id: str | None = None) -> str:
        """Trigger a run; return its id."""
        body = TriggerDAGRunPostBody(logical_date=logical_date, conf=dict(conf), dag_run_id=run_id)
        return self.dag_runs.trigger_dag_run(DAG_ID, body).dag_run_id

    def clear(self, run_id: str, task_id: str) -> None:
        """Clear a task and its downstream tasks, as the UI does without Only Failed."""
        wanted = {"dag_run_id": run_id, "task_ids": [task_id], "include_downstream": True, "only_failed": False}
        body = ClearTaskInstancesBody.from_dict({**wanted, "dry_run": False, "reset_dag_runs": True})
        assert body
        TaskInstanceApi(self.client).post_clear_task_instances(DAG_ID, body)

    def runs(self) -> list[DAGRunResponse]:
        """Return all runs of the Dag by logical date."""
        return list(entries(self.dag_runs.get_dag_runs, "dag_runs", dag_id=DAG_ID, order_by=["logical_date"]))

    def asset_events(self) -> list[AssetEventResponse]:
        """Return all asset events, including those of deleted runs."""
        return list(entries(AssetApi(self.client).get_asset_events, "asset_events", order_by=["timestamp"]))

    def delete_run(self, run_id: str) -> None:
        """Delete an ended run; deleting a running one crashes the scheduler."""
        self.dag_runs.delete_dag_run(DAG_ID, run_id)

    def end_backfills(self) -> None:
        """Close backfills whose runs have ended; Airflow does so only every 30 s, and rejects others until then."""
        for backfill in self.backfills.list_backfills(dag_id=DAG_ID).backfills:
            with suppress(ConflictException):
                self.backfills.cancel_backfill(backfill.id)


@dataclass(frozen=True)
class RunningStack:
    """A stack with the Dag unpaused.

    The creators' database has its own server, which can stop while Airflow runs.

    :param caller: variables with which a user's commands reach the stack
    """

    environment: Environment
    caller: Mapping[str, str]
    creators: EmbeddedPostgres
    api: DagApi
    sandbox: SandboxClient

    def password(self, user: str) -> str:
        """Return a user's UI password."""
        return str(json.loads(passwords_file(self.environment.state.keys).read_text())[user])

    def reset(self) -> None:
        """Delete all runs, and reset the creators' database and the sandbox."""
        for run in self.api.runs():
            self.api.delete_run(run.dag_run_id)
        self.copy_database(PRISTINE_DATABASE, SANDBOX_DATABASE)
        self.sandbox.clear()

    def run(self, logical_date: datetime, conf: Conf, run_id: str | None = None) -> None:
        """Trigger a run and wait until it succeeds."""
        self._wait_for_runs({self.api.start(logical_date, conf, run_id)})

    def end_of(self, run_id: str) -> str:
        """Wait until a run ends; return its state."""
        self.api.wait_for(
            lambda: self.api.run_state(DAG_ID, run_id) in FINAL_STATES, RUN_SECONDS, f"The run {run_id} did not end"
        )
        return self.api.run_state(DAG_ID, run_id)

    def wait_for_task(self, run_id: str, task_id: str, states: set[str]) -> None:
        """Wait until all instances of a task are in one of these states."""

        def is_reached() -> bool:
            found = [state_of(task) for task in self.api.tasks(DAG_ID, run_id) if task.task_id == task_id]
            return bool(found) and {*found} <= states

        self.api.wait_for(is_reached, RUN_SECONDS, f"{task_id} of {run_id} did not become {sorted(states)}")

    @contextmanager
    def closed_database(self) -> Iterator[None]:
        """Close the creators' database to new connections."""
        statement = sql.SQL("alter database {} allow_connections {}")
        with psycopg.connect(self.creators.url(), autocommit=True) as connection:
            try:
                connection.execute(statement.format(sql.Identifier(SANDBOX_DATABASE), sql.SQL("false")))
                yield
            finally:
                connection.execute(statement.format(sql.Identifier(SANDBOX_DATABASE), sql.SQL("true")))

    def written(self) -> dict[str, list[str]]:
        """Return all output of Airflow's processes and tasks by kind of place."""
        folders = {
            "output of processes": self.environment.state.logs,
            "task logs": self.environment.task_logs,
        }
        texts = {
            name: [path.read_text(errors="replace") for path in folder.rglob("*.log")]
            for name, folder in folders.items()
        }
        airflow = EmbeddedPostgres(self.environment.state.postgres)
        for server, database in ((airflow, METADATA_DATABASE), (self.creators, SANDBOX_DATABASE)):
            texts |= {f"{database} {name}": found for name, found in database_texts(server.url(database)).items()}
        return texts

    def backfill(self, *arguments: str) -> None:
        """Run `airflow backfill create`, and wait until its runs end."""
        self.airflow("backfill", "create", "--dag-id", DAG_ID, *arguments)
        self._wait_for_runs(self._backfilled_runs())
        self.api.end_backfills()

    def airflow(self, *arguments: str) -> None:
        """Run Airflow's CLI as `make airflow` does."""
        result = subprocess.run(
            [sys.executable, "-m", "include.stack", "airflow-line", shlex.join(arguments)],
            cwd=PROJECT,
            env=dict(self.caller),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Query the creators' database."""
        with connect(self.environment) as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def copy_database(self, source: str, target: str) -> None:
        """Replace a database by a copy of another."""
        names = {"source": sql.Identifier(source), "target": sql.Identifier(target)}
        with psycopg.connect(self.creators.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {target} with (force)").format(**names))
            connection.execute(sql.SQL("create database {target} template {source}").format(**names))

    def delete_backfilled_runs(self) -> None:
        """Delete the runs of backfills from Airflow."""
        for run_id in self._backfilled_runs():
            self.api.delete_run(run_id)

    def _backfilled_runs(self) -> set[str]:
        return {run.dag_run_id for run in self.api.runs() if run.run_type.value == "backfill"}

    def _wait_for_runs(self, run_ids: set[str]) -> None:
        states: dict[str, str] = {}

        def are_over() -> bool:
            states.update({run_id: self.api.run_state(DAG_ID, run_id) for run_id in run_ids})
            return set(states.values()) <= FINAL_STATES

        self.api.wait_for(are_over, RUN_SECONDS, f"The runs {sorted(run_ids)} did not end")
        assert set(states.values()) == {"success"}, states


@contextmanager
def running_stack(folder: Path, variables: Mapping[str, str] = MappingProxyType({})) -> Iterator[RunningStack]:
    """Run a stack in a folder.

    The connection to the creators' database holds a password, which the server ignores.

    :param variables: further variables of the caller
    """
    folder.mkdir()
    settings = folder / "comets.yaml"
    settings.write_text(
        FAST_SETTINGS.read_text(encoding="utf-8")
        .replace("batch_size: 50", "batch_size: 5")
        .replace("pool_slots: auto", "pool_slots: 8"),
        encoding="utf-8",
    )
    with EmbeddedPostgres(folder / "creators") as creators:
        creators.create_database(SANDBOX_DATABASE)
        caller = {
            "PATH": os.environ["PATH"],
            **NOTHING_CONFIGURED,
            "COMETS_SETTINGS_FILE": str(settings),
            "PYTHONPATH": str(CRASH_MODULE_FOLDER),
            CRASHES_VARIABLE: str(folder / "crashes"),
            PROFILE_VARIABLE: os.environ.get(PROFILE_VARIABLE, ""),
            CONNECTION_VARIABLE: database_connection(
                creators.url(SANDBOX_DATABASE).replace("@/", f":{quote(DATABASE_PASSWORD, safe='')}@/")
            ),
            "COMETS_STATE_DIR": str(folder / "state"),
            "COMETS_UI_PORT": str(free_port()),
            "COMETS_SANDBOX_PORT": str(free_port()),
            **variables,
        }
        resolved = resolve(caller)
        environment = replace(resolved, variables={**resolved.variables, **AIRFLOW_SETTINGS})
        with running_airflow(environment, "a test") as running:
            api = DagApi(running.url, running.check)
            api.log_in(environment.variables)
            api.wait_for_dag(DAG_ID, DAG_SECONDS)
            api.set_paused(DAG_ID, False)
            sandbox = SandboxClient(sandbox_url(environment.sandbox_port))
            stack = RunningStack(environment, caller, creators, api, sandbox)
            stack.copy_database(SANDBOX_DATABASE, PRISTINE_DATABASE)
            yield stack
