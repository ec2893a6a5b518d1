"""Long-running processes of the stack: started, watched and stopped together.

Each process and its children run in the `run` folder of the state. Processes that outlive a killed parent are found by
that folder: Airflow's processes overwrite their command lines and environments.
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
from include.stack.files import limit_log, log_tail, open_lock, open_log, previous_log
from include.stack.output import note
from include.stack.project import State

GRACE_SECONDS = 10
MIN_UPTIME_SECONDS = 30
POLL_SECONDS = 0.05


class ProcessEndedError(StackError):
    """A process of the stack exited; the text has the end of its log."""


class StackBusyError(StackError):
    """Another command is running the stack; the text names it and its URL."""


class Part(NamedTuple):
    """A process of the stack.

    :param name: name of the process and its log.
    :param command: program and arguments.
    :param grace_seconds: time to exit after SIGTERM.
    :param stops_last: whether others need it while they stop.
    :param is_restarted: whether it is started again when it exits.
    """

    name: str
    command: tuple[str, ...]
    grace_seconds: int = GRACE_SECONDS
    stops_last: bool = False
    is_restarted: bool = False


class Run(NamedTuple):
    """A running part, and its start in seconds of the monotonic clock."""

    process: subprocess.Popen[bytes]
    started_at: float


def airflow_command(*arguments: str) -> tuple[str, ...]:
    """Return the command line of Airflow's CLI.

    It runs by Python because the script's first line cannot hold a long path.
    """
    return sys.executable, str(Path(sys.executable).with_name("airflow")), *arguments


def with_own_programs(variables: Mapping[str, str]) -> dict[str, str]:
    """Put this Python's programs first on the PATH, so that Airflow starts itself and not the wrapper."""
    folders = [str(Path(sys.executable).parent), *variables.get("PATH", "").split(os.pathsep)]
    return {**variables, "PATH": os.pathsep.join(folder for folder in folders if folder)}


# uvicorn trusts a proxy on this machine only, unless FORWARDED_ALLOW_IPS names others.
API_SERVER = ("api-server", "--proxy-headers")
# Their log servers would listen on all interfaces; all components share one log folder.
SCHEDULER = ("scheduler", "--skip-serve-logs")
TRIGGERER = ("triggerer", "--skip-serve-logs")
COMPONENTS = tuple(
    Part(command[0], airflow_command(*command)) for command in (API_SERVER, SCHEDULER, ("dag-processor",), TRIGGERER)
)

CLEANER = Part("cleaner", (sys.executable, "-m", "include.stack.cleaner"), is_restarted=True)


class Processes:
    """Processes that run inside a `with` block.

    :param variables: their environment.
    """

    def __init__(self, state: State, variables: Mapping[str, str], parts: Sequence[Part] = COMPONENTS) -> None:
        self._state = state
        self._parts = parts
        self._variables = {**with_own_programs(variables), "PYTHONUNBUFFERED": "1"}
        self._running: dict[Part, Run] = {}

    def __enter__(self) -> Self:
        for folder in (self._state.logs, self._state.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            for part in self._parts:
                path = self.log_path(part)
                if path.exists():
                    path.replace(previous_log(path))
                self._start(part)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def check(self) -> None:
        """Restart exited processes that may be restarted, and rotate large logs.

        :raises ProcessEndedError: another process has exited, or exited too soon after its start.
        """
        limit_log(self._state.postgres / "server.log")
        for part, run in self._running.items():
            limit_log(self.log_path(part))
            code = run.process.poll()
            if code is None:
                continue
            if not part.is_restarted or time.monotonic() - run.started_at < MIN_UPTIME_SECONDS:
                raise ProcessEndedError(f"{part.name} exited with code {code}. {log_tail(self.log_path(part))}")
            note(f"{part.name} exited with code {code}; restarting it.")
            self._start(part)

    def log_path(self, part: Part) -> Path:
        """Return the path of a process's log."""
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
                # Keeps Ctrl-C away: the stack stops its processes in order.
                start_new_session=True,
            )
        self._running[part] = Run(process, time.monotonic())

    def _stop(self) -> None:
        for stops_last in (False, True):
            group = [part for part in self._running if part.stops_last == stops_last]
            for part in group:
                self._running[part].process.terminate()
            for part in group:
                with suppress(subprocess.TimeoutExpired):
                    self._running[part].process.wait(part.grace_seconds)
        # Tasks have their own process groups but share the session.
        sessions = {run.process.pid for run in self._running.values()}
        left = [process for process in processes_in(self._state.run) if session_of(process) in sessions]
        kill(left)
        for run in self._running.values():
            run.process.wait()
        self._running.clear()


@contextmanager
def exclusive_stack(state: State, command: str, url: str) -> Iterator[None]:
    """Lock the stack for a command, and kill leftover processes before and after it.

    The kernel releases the lock of a killed process.

    :raises StackBusyError: another command holds the lock.
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
        kill(processes_in(state.run))
        try:
            yield
        finally:
            kill(processes_in(state.run))
    finally:
        os.close(lock)


def describe_holder(state: State) -> str:
    """Return which command holds the stack, and its URL."""
    try:
        holder = json.loads(state.stack_lock.read_text())
    except ValueError:
        return "Another command is starting the stack."
    return f"`{holder['command']}` is already running: {holder['url']} (process {holder['process']})."


def running_url(state: State) -> str | None:
    """Return the UI's URL of the running stack; None if it is not running."""
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
    """Kill processes, and wait until they are gone."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=GRACE_SECONDS)


def session_of(process: psutil.Process) -> int | None:
    """Return the session of a process; None if it has ended."""
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return None


def processes_in(folder: Path) -> list[psutil.Process]:
    """Return the processes in a folder, except those of a user's terminal."""
    return [process for process in psutil.process_iter() if is_in(process, folder)]


def is_in(process: psutil.Process, folder: Path) -> bool:
    """Return whether a process has this working folder and no terminal."""
    try:
        return process.cwd() == str(folder) and process.terminal() is None
    except psutil.Error:
        return False
