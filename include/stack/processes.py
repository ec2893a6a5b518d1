"""Long-running processes of the stack: started together, watched, and ended together.

Each process works in the `run` folder of the state, as its children do. So whatever outlives its parent (a killed
`make up`, the tasks of a killed scheduler) is found and ended at the end of the stack or at its next start. A variable
or the command line would not do: Airflow's processes overwrite both when they give themselves a title.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import psutil

from include.stack.errors import StackError
from include.stack.files import log_tail, open_lock, open_log
from include.stack.output import note
from include.stack.ports import free_port
from include.stack.project import State

GRACE_SECONDS = 10
# A component that lives for a shorter time would only end again.
SHORTEST_LIFE_SECONDS = 30
POLL_SECONDS = 0.05
LOG_PORT_VARIABLES = ("AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT", "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT")


class ProcessEndedError(StackError):
    """A process of the stack has ended by itself; the text holds the end of its log."""


class StackBusyError(StackError):
    """Another command runs the stack; the text says which one and where."""


class Part(NamedTuple):
    """A process of the stack.

    :param name: of the process, and of its log.
    :param command: program and arguments.
    :param grace_seconds: how long it may take to end.
    :param is_needed_to_end: whether others need it while they end, so that it ends after them.
    :param is_replaced: whether another one takes its place when it ends by itself.
    """

    name: str
    command: tuple[str, ...]
    grace_seconds: int = GRACE_SECONDS
    is_needed_to_end: bool = False
    is_replaced: bool = False


class Run(NamedTuple):
    """A part at work, and when it was started (seconds of the monotonic clock)."""

    process: subprocess.Popen[bytes]
    started_at: float


def airflow_command(*arguments: str) -> tuple[str, ...]:
    """Return the command line of Airflow's own program.

    It is started by Python and not by its first line, which holds the path of the environment at its installation and
    cannot hold a long one.
    """
    return sys.executable, str(Path(sys.executable).with_name("airflow")), *arguments


def with_own_programs(variables: Mapping[str, str]) -> dict[str, str]:
    """Put the programs of this Python first on the PATH: what Airflow starts by name must not be the wrapper."""
    folders = [str(Path(sys.executable).parent), *variables.get("PATH", "").split(os.pathsep)]
    return {**variables, "PATH": os.pathsep.join(folder for folder in folders if folder)}


COMPONENTS = tuple(
    Part(name, airflow_command(name)) for name in ("api-server", "scheduler", "dag-processor", "triggerer")
)


class Processes:
    """Processes as a context: they run inside of it and are gone behind it.

    :param variables: their environment.
    """

    def __init__(self, state: State, variables: Mapping[str, str], parts: Sequence[Part] = COMPONENTS) -> None:
        self._state = state
        self._parts = parts
        # Airflow shows the log of a task that still runs through these ports; their numbers do not matter.
        ports = {name: variables.get(name) or str(free_port()) for name in LOG_PORT_VARIABLES}
        self._variables = {**with_own_programs(variables), **ports, "PYTHONUNBUFFERED": "1"}
        self._running: dict[Part, Run] = {}

    def __enter__(self) -> Self:
        for folder in (self._state.logs, self._state.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            for part in self._parts:
                self.log_path(part).unlink(missing_ok=True)
                self._start(part)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def check(self) -> None:
        """Do nothing while all of them run, and replace those that can be replaced.

        :raises ProcessEndedError: another one does not run any more.
        """
        for part, run in self._running.items():
            code = run.process.poll()
            if code is None:
                continue
            if not part.is_replaced or time.monotonic() - run.started_at < SHORTEST_LIFE_SECONDS:
                raise ProcessEndedError(
                    f"{part.name} has ended by itself (exit code {code}). {log_tail(self.log_path(part))}"
                )
            note(f"{part.name} has ended by itself and is started again.")
            self._start(part)

    def log_path(self, part: Part) -> Path:
        """Return the log of a process."""
        return self._state.logs / f"{part.name}.log"

    def _start(self, part: Part) -> None:
        with open_log(self.log_path(part)) as log:
            process = subprocess.Popen(
                part.command,
                cwd=self._state.run,
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A Ctrl-C at the terminal reaches the stack only, which ends its processes in their order.
                start_new_session=True,
            )
        self._running[part] = Run(process, time.monotonic())

    def _end(self) -> None:
        for is_needed_to_end in (False, True):
            group = [part for part in self._running if part.is_needed_to_end == is_needed_to_end]
            for part in group:
                self._running[part].process.terminate()
            for part in group:
                with suppress(subprocess.TimeoutExpired):
                    self._running[part].process.wait(part.grace_seconds)
        # Airflow gives every task a process group of its own, but no session.
        sessions = {run.process.pid for run in self._running.values()}
        left = [process for process in working(self._state.run) if session_of(process) in sessions]
        kill(left)
        for run in self._running.values():
            run.process.wait()
        self._running.clear()


@contextmanager
def exclusive_stack(state: State, command: str, url: str) -> Iterator[None]:
    """Hold the stack for a command, and end what a killed one has left before and behind it.

    The kernel releases the lock even when the process is killed.

    :raises StackBusyError: it is held already.
    """
    state.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = open_lock(state.stack_lock)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackBusyError(describe_holder(state)) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps({"command": command, "process": os.getpid(), "url": url}).encode(), 0)
        kill(working(state.run))
        try:
            yield
        finally:
            kill(working(state.run))
    finally:
        os.close(lock)


def describe_holder(state: State) -> str:
    """Say which command holds the stack, and where it runs."""
    try:
        holder = json.loads(state.stack_lock.read_text())
    except ValueError:
        return "Another command is starting the stack just now."
    return f"`{holder['command']}` is already running: {holder['url']} (process {holder['process']})."


def running_url(state: State) -> str | None:
    """Return where the running stack's UI is, or None when no stack runs."""
    try:
        lock = os.open(state.stack_lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return str(json.loads(state.stack_lock.read_text())["url"])
    finally:
        os.close(lock)
    return None


def kill(processes: Sequence[psutil.Process]) -> None:
    """Kill processes, and return when they are gone."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=GRACE_SECONDS)


def session_of(process: psutil.Process) -> int | None:
    """Return the session that a process belongs to; None when it has ended."""
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return None


def working(folder: Path) -> list[psutil.Process]:
    """Find the processes that were started in a folder, and not by a user in a shell there."""
    return [process for process in psutil.process_iter() if works_in(process, folder)]


def works_in(process: psutil.Process, folder: Path) -> bool:
    """Tell whether a process works in a folder without a terminal."""
    try:
        return process.cwd() == str(folder) and process.terminal() is None
    except psutil.Error:
        return False
