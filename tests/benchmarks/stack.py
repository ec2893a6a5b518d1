"""A stack as of `make up`, with made-up creators, its own sandbox, and none of the caller's settings."""

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
    """Searches, and TikHub's latency and rate limit.

    :param latency_seconds: of each response
    :param per_second: rate limit of a route; further calls return 429
    """

    hashtag_count: int
    pages: int
    latency_seconds: float
    per_second: int

    @property
    def hashtags(self) -> list[str]:
        """The hashtags to search."""
        return [f"bench{number:04d}" for number in range(self.hashtag_count)]

    def __str__(self) -> str:
        return (
            f"{self.hashtag_count} hashtags x {self.pages} pages, {self.latency_seconds:g} s latency, "
            f"{self.per_second} calls/s"
        )


@dataclass(frozen=True)
class RunTimes:
    """Durations of a Dag run.

    :param extract_seconds: from the end of `accept_run` to the end of the last `extract_videos`
    :param seconds: from the trigger to the end
    """

    extract_seconds: float
    seconds: float


@dataclass(frozen=True)
class Stack:
    """A running stack with the Dag unpaused."""

    api: AirflowApi
    sandbox: SandboxClient

    def limit(self, searches: Searches, now: datetime) -> None:
        """Set the sandbox's latency, rate limit and fixed clock."""
        self.sandbox.clear()
        self.sandbox.set_latency(searches.latency_seconds)
        self.sandbox.set_rate_limit(searches.per_second)
        self.sandbox.set_clock(now)

    def run(self, searches: Searches, logical_date: datetime, **criteria: int) -> RunTimes:
        """Run the Dag to its end.

        :raises BenchmarkError: a task does not succeed.
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
    """Return the end of the last instance of a task."""
    return max(end_of(task) for task in tasks if task.task_id == task_id)


def end_of(task_or_run: TaskInstanceResponse | DAGRunResponse) -> datetime:
    """Return the end of a task instance or a run."""
    return task_or_run.end_date or datetime.max.replace(tzinfo=UTC)


@contextmanager
def searching_stack(folder: Path, searches: Searches) -> Iterator[tuple[Stack, EmbeddedPostgres]]:
    """Run a stack at TikHub's rate limit; yield it and the server of its database `creators`."""
    shutil.rmtree(folder, ignore_errors=True)
    with EmbeddedPostgres(folder / "creators") as server:
        server.create_database("creators")
        pace = {PACE_VARIABLE: str(searches.per_second)}
        with running_stack(folder / "stack", server.url("creators"), pace) as stack:
            yield stack, server
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_stack(folder: Path, creators_url: str, variables: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Run a stack in a new folder, deleted at the end on success.

    :param creators_url: URL of the creators' database, to which the schema is applied
    :param variables: further variables of the environment
    """
    shutil.rmtree(folder, ignore_errors=True)
    caller = {
        "PATH": os.environ["PATH"],
        **NOTHING_CONFIGURED,
        # Otherwise unpausing the Dag starts the last missed run.
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        CONNECTION_VARIABLE: database_connection(creators_url),
        "COMETS_STATE_DIR": str(folder),
        "COMETS_UI_PORT": str(free_port()),
        "COMETS_SANDBOX_PORT": str(free_port()),
        **(variables or {}),
    }
    environment = resolve_for_runs(caller)
    os.environ[PACE_VARIABLE] = environment.variables[PACE_VARIABLE]
    with running_airflow(environment, "make bench") as api:
        api.wait_for_dag(DAG_ID, DAG_SECONDS)
        api.set_paused(DAG_ID, False)
        yield Stack(api, SandboxClient(sandbox_url(environment.sandbox_port)))
    shutil.rmtree(folder, ignore_errors=True)
