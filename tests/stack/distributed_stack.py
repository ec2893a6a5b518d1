"""A running stack of `make distributed` for tests, with workers that can be killed."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from celery import Celery  # type: ignore[import-untyped]

from comets.settings import DAG_ID
from include.sandbox.client import SandboxClient
from include.stack.airflow_api import state_of
from include.stack.celery_settings import VISIBILITY_VARIABLE
from include.stack.demo import DAG_SECONDS
from include.stack.environment import SANDBOX_DATABASE, resolve_for_runs
from include.stack.keys import load_redis_password
from include.stack.ports import free_port
from include.stack.postgres import EmbeddedPostgres
from include.stack.project import PROJECT
from include.stack.redis_server import PROGRAM
from include.stack.sandbox import sandbox_url
from tests.conftest import FAST_SETTINGS, REQUIRED
from tests.stack.running_stack import AIRFLOW_SETTINGS, PRISTINE_DATABASE, DagApi, RunningStack
from tests.stack.test_demo import NOTHING_CONFIGURED, caller, stack_command

# One per process of both workers, so that each worker runs half of the tasks.
POOL_SLOTS = 8
HOLD_SECONDS = 60
QUEUE = "default"


def require_redis() -> None:
    """Skip the test without the program, unless COMETS_REQUIRE names it."""
    if shutil.which(PROGRAM) is None:
        if PROGRAM in REQUIRED:
            pytest.fail(f"COMETS_REQUIRE names {PROGRAM}, and it is not installed")
        pytest.skip(f"{PROGRAM} is not installed (Debian: apt-get install {PROGRAM})")


Instance = tuple[str, int]


class DistributedApi(DagApi):
    """Airflow's REST API, with the states and processes of task instances."""

    def running(self, run_id: str) -> dict[int, Instance]:
        """Return the running task instances by process id."""
        return {
            task.pid: (task.task_id, task.map_index)
            for task in self.tasks(DAG_ID, run_id)
            if task.pid and state_of(task) == "running"
        }

    def in_state(self, run_id: str, state: str) -> set[Instance]:
        """Return the task instances in a state."""
        return {(task.task_id, task.map_index) for task in self.tasks(DAG_ID, run_id) if state_of(task) == state}


@dataclass(frozen=True)
class DistributedStack(RunningStack):
    """A stack whose tasks run in Celery workers."""

    command: subprocess.Popen[str]
    api: DistributedApi

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.environment.state.folder

    def stop_consuming(self, name: str) -> None:
        """Stop a worker from taking tasks from the queue."""
        self._control("cancel_consumer", name)

    def consume_without_starting(self, name: str) -> None:
        """Let a stopped worker take tasks from the queue without starting them."""
        for process in self._processes(name)[1:]:
            process.suspend()
        self._control("add_consumer", name)

    def kill_worker(self, name: str) -> None:
        """Kill a worker and its tasks, as if its machine were lost."""
        processes = self._processes(name)
        # Suspended first, so that none reacts to the loss of another.
        for process in processes:
            process.suspend()
        for process in processes:
            process.kill()

    def kill_calling_worker(self, name: str, run_id: str, route: str, **conditions: Any) -> set[Instance]:
        """Kill a worker while every slot waits for TikHub; return its task instances.

        :param conditions: of the calls to wait for
        """
        before = len(self.sandbox.calls())
        self.sandbox.set_faults({"route": route, "fault": "timeout", "delay": HOLD_SECONDS, **conditions})
        try:
            self.api.wait_for(
                lambda: self._in_flight_count(route, before) >= POOL_SLOTS,
                HOLD_SECONDS,
                f"There were not {POOL_SLOTS} calls of {route} at a time",
            )
            running = self.api.running(run_id)
            held = {running[process.pid] for process in self._processes(name) if process.pid in running}
            self.kill_worker(name)
        finally:
            self.sandbox.set_faults()
        return held

    def success_count(self, worker: str) -> int:
        """Return the number of tasks that a worker has completed."""
        return (self.environment.state.logs / f"{worker}.log").read_text().count("succeeded in")

    def _control(self, command: str, worker: str) -> None:
        (port,) = re.findall(r"^port (\d+)$", (self.environment.state.redis / "redis.conf").read_text(), re.MULTILINE)
        password = load_redis_password(self.environment.state.keys)
        with Celery(broker=f"redis://:{password}@127.0.0.1:{port}/0") as app:
            assert getattr(app.control, command)(QUEUE, destination=[f"celery@{worker}"], reply=True)

    def _in_flight_count(self, route: str, after: int) -> int:
        return sum(call["status"] is None and call["number"] > after for call in self.sandbox.calls(route))

    def _processes(self, worker: str) -> list[psutil.Process]:
        mark = f"celery@{worker}:MainProcess"
        (main,) = [
            process
            for process in psutil.process_iter(["cmdline", "cwd"])
            if process.info["cwd"] == str(self.environment.state.run)
            and mark in " ".join(process.info["cmdline"] or [])
        ]
        return [main, *main.children(recursive=True)]


@contextmanager
def distributed_stack(folder: Path) -> Iterator[DistributedStack]:
    """Run `make distributed` in a folder, with the Dag unpaused."""
    folder.mkdir()
    settings = folder / "comets.yaml"
    settings.write_text(
        FAST_SETTINGS.read_text(encoding="utf-8")
        .replace("batch_size: 50", "batch_size: 20")
        .replace("pool_slots: auto", f"pool_slots: {POOL_SLOTS}"),
        encoding="utf-8",
    )
    variables = {
        "COMETS_SETTINGS_FILE": str(settings),
        "COMETS_STATE_DIR": str(folder / "the state"),
        "COMETS_UI_PORT": str(free_port()),
        "COMETS_SANDBOX_PORT": str(free_port()),
        **AIRFLOW_SETTINGS,
        # For tasks that a lost worker took from the queue and did not start.
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "30",
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "1",
        VISIBILITY_VARIABLE: "60",
    }
    environment = resolve_for_runs({**NOTHING_CONFIGURED, **variables})
    with subprocess.Popen(
        stack_command("distributed"), cwd=PROJECT, env=caller(variables), stdout=subprocess.PIPE, text=True
    ) as command:
        try:
            assert command.stdout
            assert "Airflow is ready.\n" in iter(command.stdout.readline, "")
            api = DistributedApi(f"http://127.0.0.1:{environment.ui_port}")
            api.log_in(environment.variables)
            api.wait_for_dag(DAG_ID, DAG_SECONDS)
            api.set_paused(DAG_ID, False)
            sandbox = SandboxClient(sandbox_url(environment.sandbox_port))
            creators = EmbeddedPostgres(environment.state.postgres)
            stack = DistributedStack(environment, caller(variables), creators, api, sandbox, command)
            stack.copy_database(SANDBOX_DATABASE, PRISTINE_DATABASE)
            yield stack
        finally:
            command.send_signal(signal.SIGTERM)
            command.communicate()
