"""Airflow's long-running components as processes that cannot outlive the one that started them."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import psutil  # type: ignore[import-untyped]

from include.stack.errors import StackError
from include.stack.output import note
from include.stack.ports import free_port
from include.stack.project import State
from include.stack.shared_server import KEEPER, describe_log_tail

LOG_PORT_VARIABLE = "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT"
GRACE_SECONDS = 10
# What a keeper needs beyond the grace of its program.
KEEPER_SECONDS = 5
# Who lives shorter than this would only end again.
SHORTEST_LIFE_SECONDS = 30


class ComponentEndedError(StackError):
    """A component has ended by itself; the text holds the end of its log."""


class Part(NamedTuple):
    """What a stack consists of.

    :param name: of the component, and of its log.
    :param arguments: command line of Airflow's program.
    :param grace_seconds: how long it may take to end.
    :param is_needed_to_end: whether others need it while they end, so that it must be there until they are gone.
    :param is_replaced: whether another one takes its place when it ends by itself, because the stack goes on without.
    """

    name: str
    arguments: tuple[str, ...]
    grace_seconds: int = GRACE_SECONDS
    is_needed_to_end: bool = False
    is_replaced: bool = False


# The triggerer is left out: it serves deferrable operators and asynchronous callbacks, and the package has none.
COMPONENTS = tuple(Part(name, (name,)) for name in ("api-server", "scheduler", "dag-processor"))


class Component:
    """One running component; it ends when it is told to, and with this process."""

    def __init__(self, part: Part, state: State, variables: Mapping[str, str]) -> None:
        self.part = part
        self.log_path = state.logs / f"{part.name}.log"
        self._started = time.monotonic()
        keeper = [sys.executable, "-I", "-S", str(KEEPER), f"--grace={part.grace_seconds}", "--"]
        with self.log_path.open("ab") as log:
            self._keeper = subprocess.Popen(
                [*keeper, *airflow_command(*part.arguments)],
                cwd=state.run,
                env=variables,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def check(self) -> bool:
        """Tell whether it runs; one that does not is to be replaced.

        :raises ComponentEndedError: it does not run any more and is not to be replaced.
        """
        if self._keeper.poll() is None:
            return True
        if not self.part.is_replaced or time.monotonic() - self._started < SHORTEST_LIFE_SECONDS:
            raise ComponentEndedError(
                f"Airflow's {self.part.name} has ended by itself (exit code {self._keeper.returncode}). "
                f"{describe_log_tail(self.log_path)}"
            )
        return False

    def ask_to_stop(self) -> None:
        """Let the keeper know; returns at once."""
        if self._keeper.stdin is not None:
            with suppress(BrokenPipeError):
                self._keeper.stdin.close()

    def wait(self) -> None:
        """Wait for the end."""
        try:
            self._keeper.wait(self.part.grace_seconds + KEEPER_SECONDS)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()


class Components:
    """All components together, as a context: they run inside of it and are gone behind it."""

    def __init__(self, state: State, variables: Mapping[str, str], parts: Sequence[Part] = COMPONENTS) -> None:
        self._state = state
        self._parts = parts
        # Airflow shows the log of a task that still runs through this port; nobody needs to know its number.
        log_port = {LOG_PORT_VARIABLE: variables.get(LOG_PORT_VARIABLE) or str(free_port())}
        self._variables = {**with_own_programs(variables), **log_port, "PYTHONUNBUFFERED": "1"}
        self._running: list[Component] = []

    def __enter__(self) -> Self:
        for folder in (self._state.logs, self._state.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        end_leftovers(self._state.run)
        for part in self._parts:
            (self._state.logs / f"{part.name}.log").unlink(missing_ok=True)
            self._running.append(self._start(part))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for is_needed_to_end in (False, True):
            group = [component for component in self._running if component.part.is_needed_to_end == is_needed_to_end]
            for component in group:
                component.ask_to_stop()
            for component in group:
                component.wait()
        end_leftovers(self._state.run)

    def check(self) -> None:
        """Do nothing while all of them run, and replace those that can be replaced.

        :raises ComponentEndedError: another one does not run any more.
        """
        for place, component in enumerate(self._running):
            if not component.check():
                note(f"Airflow's {component.part.name} has ended by itself and is started again.")
                self._running[place] = self._start(component.part)

    def _start(self, part: Part) -> Component:
        return Component(part, self._state, self._variables)


def airflow_command(*arguments: str) -> list[str]:
    """Return the command line of Airflow's own program.

    It is started by Python and not by its first line, which holds the path of the environment at its installation and
    cannot hold a long one.
    """
    return [sys.executable, str(Path(sys.executable).with_name("airflow")), *arguments]


def with_own_programs(variables: Mapping[str, str]) -> dict[str, str]:
    """Put the programs of this Python first on the PATH: what Airflow starts by name must not be the wrapper."""
    folders = [str(Path(sys.executable).parent), *variables.get("PATH", "").split(os.pathsep)]
    return {**variables, "PATH": os.pathsep.join(folder for folder in folders if folder)}


def end_leftovers(run_folder: Path) -> None:
    """Kill what a killed stack has left: Python processes that work in its run folder, which nobody else uses.

    The caller holds the stack's lock, so no stack is at work there.
    """
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(run_folder) and is_ours(process.name(), process.cmdline()):
                process.kill()


def is_ours(name: str, command: Sequence[str]) -> bool:
    """Tell whether a process looks like Airflow, Celery or their keeper, which a shell left in that folder does not."""
    return name.startswith(("python", "airflow", "[celeryd")) or any("airflow" in part for part in command[:2])
