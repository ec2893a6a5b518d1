"""A stack as `make up` starts it, for a benchmark: with a sandbox of its own, and a Dag of empty tasks beside ours."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from airflow_client.client import DAGRunResponse, TaskInstanceResponse, TriggerDAGRunPostBody
from psycopg import sql

from comets.settings import DAG_ID, PACE_VARIABLE, SETTINGS_FILE_VARIABLE, settings
from include.sandbox.client import SandboxClient
from include.stack.airflow_api import FINAL_STATES, AirflowApi, state_of
from include.stack.demo import DAG_SECONDS
from include.stack.environment import (
    DATABASE_PART_VARIABLES,
    DATABASE_URL_VARIABLES,
    METADATA_VARIABLES,
    SANDBOX_DATABASE,
    Environment,
    resolve_for_runs,
)
from include.stack.ports import free_port
from include.stack.postgres import EmbeddedPostgres
from include.stack.project import PROJECT
from include.stack.sandbox import sandbox_url
from include.stack.up import running_airflow
from tests.benchmarks.errors import BenchmarkError

EMPTY_DAG_ID = "empty_tasks"
FIRST_TASK, MAPPED_TASK = "accept_run", "extract_videos"
PRISTINE_DATABASE = "pristine"
RUN_SECONDS = 3600

# Nobody is in this band, so that nobody is tracked and a run ends soon after the stage that is measured.
NOBODY = {"min_followers": 2_000_000_000, "max_followers": 2_000_000_000}
MOST_CALLS = 1_000_000

# Made-up data, databases of its own and the package's own settings, whatever the caller has configured.
NOTHING_CONFIGURED = dict.fromkeys(
    [
        "AIRFLOW_CONN_TIKHUB",
        "AIRFLOW_CONN_COMETS_DB",
        "AIRFLOW_CONN_COMETS_NOTICES",
        "COMETS_NOTICES_URL",
        "COMETS_SETTINGS_FILE",
        "COMETS_REQUESTS_PER_SECOND",
        "TIKHUB_API_KEY",
        "TIKHUB_BASE_URL",
        *DATABASE_URL_VARIABLES,
        *DATABASE_PART_VARIABLES,
        *METADATA_VARIABLES,
    ],
    "",
)


@dataclass(frozen=True)
class MappedTasks:
    """The mapped tasks of a run.

    :param seconds: from the end of the task before them to the end of the last one
    :param instance_ids: Airflow's own names of them
    :param run_seconds: of the whole run, from the moment it was asked for
    """

    seconds: float
    instance_ids: Sequence[str]
    run_seconds: float

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.instance_ids)


class BenchmarkApi(AirflowApi):
    """Airflow's REST API as far as benchmarks need it."""

    def run(self, dag_id: str, conf: Mapping[str, Any], logical_date: datetime | None = None) -> MappedTasks:
        """Make a run, wait for its end, and return its mapped tasks.

        :param logical_date: now when left out
        :raises BenchmarkError: the run did not succeed.
        """
        body = TriggerDAGRunPostBody(logical_date=logical_date or datetime.now(UTC), conf=dict(conf))
        run_id = self.dag_runs.trigger_dag_run(dag_id, body).dag_run_id
        failure = f"The run {run_id} of {dag_id} did not end"
        self.wait_for(lambda: self.run_state(dag_id, run_id) in FINAL_STATES, RUN_SECONDS, failure)
        tasks = self.tasks(dag_id, run_id)
        states = {task.task_id: state_of(task) for task in tasks if state_of(task) != "success"}
        if states:
            raise BenchmarkError(f"Not all tasks of the run {run_id} of {dag_id} succeeded: {states}")
        (begun,) = [end_of(task) for task in tasks if task.task_id == FIRST_TASK]
        mapped = [task for task in tasks if task.task_id == MAPPED_TASK]
        seconds = (max(map(end_of, mapped)) - begun).total_seconds()
        run = self.dag_runs.get_dag_run(dag_id, run_id)
        run_seconds = (end_of(run) - (run.queued_at or run.run_after)).total_seconds()
        return MappedTasks(seconds, [str(task.id) for task in mapped], run_seconds)


def end_of(task_or_run: TaskInstanceResponse | DAGRunResponse) -> datetime:
    """When a task instance or a run ended."""
    assert task_or_run.end_date
    return task_or_run.end_date


@dataclass(frozen=True)
class BenchmarkStack:
    """A stack at work with both Dags unpaused."""

    environment: Environment
    api: BenchmarkApi
    sandbox: SandboxClient

    def begin_anew(self) -> None:
        """Empty the creators' tables, and let the sandbox forget the calls."""
        server = EmbeddedPostgres(self.environment.state.postgres)
        copy_database(server, PRISTINE_DATABASE, SANDBOX_DATABASE)
        self.sandbox.clear_calls()

    def search(self, hashtags: Sequence[str], pages: int) -> MappedTasks:
        """Run our Dag with empty tables; return its extract tasks.

        :raises BenchmarkError: the run did not succeed.
        """
        self.begin_anew()
        return self.api.run(
            DAG_ID, {"hashtags": [*hashtags], "pages_per_hashtag": pages, "max_api_calls": MOST_CALLS, **NOBODY}
        )

    def creators(self) -> str:
        """URL of the creators' database."""
        return EmbeddedPostgres(self.environment.state.postgres).url(SANDBOX_DATABASE)


@contextmanager
def benchmark_stack(folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[BenchmarkStack]:
    """Keep a stack at work in a folder, which is made anew, and removed behind it if all went well.

    :param variables: of the environment, beside those of every stack
    """
    shutil.rmtree(folder, ignore_errors=True)
    dags = folder / "dags"
    shutil.copytree(PROJECT / "dags", dags, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path(__file__).parent / "dags" / "empty_tasks.py", dags)
    caller = {
        "PATH": os.environ["PATH"],
        **NOTHING_CONFIGURED,
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        # Unpausing a Dag would otherwise start the scheduled run that was missed last.
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        "COMETS_STATE_DIR": str(folder / "state"),
        "COMETS_UI_PORT": str(free_port()),
        "COMETS_SANDBOX_PORT": str(free_port()),
        **(variables or {}),
    }
    environment = resolve_for_runs(caller)
    with settings_of(environment.variables), running_airflow(environment, "make bench") as running:
        copy_database(EmbeddedPostgres(environment.state.postgres), SANDBOX_DATABASE, PRISTINE_DATABASE)
        api = BenchmarkApi(running.url, running.check)
        api.log_in(environment.variables)
        for dag_id in (DAG_ID, EMPTY_DAG_ID):
            api.wait_for_dag(dag_id, DAG_SECONDS)
            api.set_paused(dag_id, False)
        yield BenchmarkStack(environment, api, SandboxClient(sandbox_url(environment.sandbox_port)))
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def settings_of(variables: Mapping[str, str]) -> Iterator[None]:
    """Let this process read the package's settings as the tasks of a stack do: how many slots the pool gets, too."""
    before = {name: os.environ.get(name, "") for name in (SETTINGS_FILE_VARIABLE, PACE_VARIABLE)}
    os.environ.update({name: variables[name] for name in before})
    settings.cache_clear()
    try:
        yield
    finally:
        os.environ.update(before)
        settings.cache_clear()


def copy_database(server: EmbeddedPostgres, source: str, target: str) -> None:
    """Put a copy of a database in the place of another one."""
    names = {"source": sql.Identifier(source), "target": sql.Identifier(target)}
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {target} with (force)").format(**names))
        connection.execute(sql.SQL("create database {target} template {source}").format(**names))
