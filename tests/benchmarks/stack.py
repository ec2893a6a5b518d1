"""A stack as `make up` starts it, with made-up creators, a sandbox of its own, and no settings of the caller."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_client.client import DAGRunResponse, TaskInstanceResponse, TriggerDAGRunPostBody

from comets.settings import DAG_ID, PACE_VARIABLE, SETTINGS_FILE_VARIABLE
from include.sandbox.client import SandboxClient
from include.stack.airflow_api import FINAL_STATES, AirflowApi, state_of
from include.stack.connections import database_connection
from include.stack.demo import DAG_SECONDS
from include.stack.environment import (
    CONNECTION_VARIABLE,
    DATABASE_PART_VARIABLES,
    DATABASE_URL_VARIABLES,
    METADATA_VARIABLES,
    resolve_for_runs,
)
from include.stack.ports import free_port
from include.stack.postgres import EmbeddedPostgres
from include.stack.sandbox import sandbox_url
from include.stack.up import running_airflow
from tests.benchmarks.common import BenchmarkError

RUN_SECONDS = 3600
CALL_BUDGET = 1_000_000

# Empty is "not set", and wins over the caller's own .env.
NOTHING_CONFIGURED = dict.fromkeys(
    [
        "AIRFLOW_CONN_TIKHUB",
        "AIRFLOW_CONN_COMETS_NOTICES",
        "COMETS_NOTICES_URL",
        "TIKHUB_API_KEY",
        "TIKHUB_BASE_URL",
        SETTINGS_FILE_VARIABLE,
        PACE_VARIABLE,
        *DATABASE_URL_VARIABLES,
        *DATABASE_PART_VARIABLES,
        *METADATA_VARIABLES,
    ],
    "",
)


@dataclass(frozen=True)
class Searches:
    """What is searched, and how TikHub is meanwhile.

    :param latency_seconds: of each answer
    :param per_second: calls of a route that are answered; the others are refused with 429
    """

    hashtag_count: int
    pages: int
    latency_seconds: float
    per_second: int

    @property
    def hashtags(self) -> list[str]:
        """Hashtags that the sandbox makes up videos for."""
        return [f"bench{number:04d}" for number in range(self.hashtag_count)]

    def __str__(self) -> str:
        return (
            f"{self.hashtag_count} hashtags x {self.pages} pages, {self.latency_seconds:g} s latency, "
            f"{self.per_second} calls/s"
        )


@dataclass(frozen=True)
class RunTimes:
    """How long a run of the Dag took.

    :param extract_seconds: from the end of `accept_run` to the end of the last `extract_videos`
    :param seconds: from the moment it was triggered to its end
    """

    extract_seconds: float
    seconds: float


@dataclass(frozen=True)
class Stack:
    """A stack at work with the Dag unpaused."""

    api: AirflowApi
    sandbox: SandboxClient

    def limit(self, searches: Searches, now: datetime) -> None:
        """Have the sandbox answer as TikHub is meanwhile; its clock stands still."""
        self.sandbox.clear()
        self.sandbox.set_latency(searches.latency_seconds)
        self.sandbox.set_rate_limit(searches.per_second)
        self.sandbox.set_clock(now)

    def run(self, searches: Searches, logical_date: datetime, **criteria: int) -> RunTimes:
        """Run the Dag to its end.

        :raises BenchmarkError: a task did not succeed.
        """
        conf: dict[str, Any] = {
            "hashtags": searches.hashtags,
            "pages_per_hashtag": searches.pages,
            "max_api_calls": CALL_BUDGET,
            **criteria,
        }
        body = TriggerDAGRunPostBody(logical_date=logical_date, conf=conf)
        run_id = self.api.dag_runs.trigger_dag_run(DAG_ID, body).dag_run_id
        failure = f"The run {run_id} did not end"
        self.api.wait_for(lambda: self.api.run_state(DAG_ID, run_id) in FINAL_STATES, RUN_SECONDS, failure)
        tasks = self.api.tasks(DAG_ID, run_id)
        states = {task.task_id: state_of(task) for task in tasks if state_of(task) != "success"}
        if states:
            raise BenchmarkError(f"Not all tasks of the run {run_id} succeeded: {states}")
        run = self.api.dag_runs.get_dag_run(DAG_ID, run_id)
        extract = last_end(tasks, "extract_videos") - last_end(tasks, "accept_run")
        return RunTimes(extract.total_seconds(), (end_of(run) - (run.queued_at or run.run_after)).total_seconds())


def last_end(tasks: Sequence[TaskInstanceResponse], task_id: str) -> datetime:
    """Return when the last instance of a task ended."""
    return max(end_of(task) for task in tasks if task.task_id == task_id)


def end_of(task_or_run: TaskInstanceResponse | DAGRunResponse) -> datetime:
    """Return when a task instance or a run ended."""
    return task_or_run.end_date or datetime.max.replace(tzinfo=UTC)


@contextmanager
def searching_stack(folder: Path, searches: Searches) -> Iterator[tuple[Stack, EmbeddedPostgres]]:
    """Keep a stack at work that calls as often as TikHub allows, and the server of its database `creators`."""
    shutil.rmtree(folder, ignore_errors=True)
    with EmbeddedPostgres(folder / "creators") as server:
        server.create_database("creators")
        pace = {PACE_VARIABLE: str(searches.per_second)}
        with running_stack(folder / "stack", server.url("creators"), pace) as stack:
            yield stack, server
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_stack(folder: Path, creators_url: str, variables: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Keep a stack at work in a folder that is made new, and removed behind it if all went well.

    :param creators_url: of the creators' database; the schema is set up in it
    :param variables: of the environment, beside those of every stack
    """
    shutil.rmtree(folder, ignore_errors=True)
    caller = {
        "PATH": os.environ["PATH"],
        **NOTHING_CONFIGURED,
        # Unpausing the Dag would otherwise start the scheduled run that was missed last.
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        CONNECTION_VARIABLE: database_connection(creators_url),
        "COMETS_STATE_DIR": str(folder),
        "COMETS_UI_PORT": str(free_port()),
        "COMETS_SANDBOX_PORT": str(free_port()),
        **(variables or {}),
    }
    environment = resolve_for_runs(caller)
    # The size of the pool is worked out in this process, from the pace.
    os.environ[PACE_VARIABLE] = environment.variables[PACE_VARIABLE]
    with running_airflow(environment, "make bench") as api:
        api.wait_for_dag(DAG_ID, DAG_SECONDS)
        api.set_paused(DAG_ID, False)
        yield Stack(api, SandboxClient(sandbox_url(environment.sandbox_port)))
    shutil.rmtree(folder, ignore_errors=True)
