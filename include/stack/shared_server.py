"""A server that several processes of the project use, and that ends with the last of them.

Each server has a folder with its log and three lock files. `start.lock` serialises starting and stopping, every user of
the server holds `users.lock` shared, and the server's keeper (keeper.py) holds `server.lock` for as long as it runs.
The kernel releases the locks of a process that dies, so neither a crash nor `kill -9` leaves a wrong count behind: the
last user to leave stops the server, and when all of them are killed the keeper stops it within a second or two.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar, Self

from include.stack.errors import StackError

KEEPER = Path(__file__).with_name("keeper.py")
LARGEST_LOG_BYTES = 5_000_000
POLL_SECONDS = 0.03
STOP_SECONDS = 30.0


class ServerError(StackError):
    """A server could not be started or stopped; the text says why and names its log."""


class SharedServer(ABC):
    """A server in `folder`, shared by all processes that name the same folder.

    :param folder: where its log and locks live; made when absent.
    """

    name: ClassVar[str]
    start_seconds: ClassVar[float] = 90.0

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder).resolve()
        self.log_path = self.folder / "server.log"
        self._lease: int | None = None
        self._keeper: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def started_here(self) -> bool:
        """Whether this object started the server (False: it found it running, or has not started it)."""
        return self._keeper is not None

    def is_running(self) -> bool:
        """Tell whether a server of this folder is at work."""
        try:
            lock = os.open(self.folder / "server.lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def start(self) -> None:
        """Start the server, or join it when it runs, and return when it answers.

        :raises ServerError: it ends or does not answer in time; the text holds the end of its log.
        """
        if self._lease is not None:
            return
        self._make_folder()
        with self._start_lock():
            self._lease = open_lock(self.folder / "users.lock")
            fcntl.flock(self._lease, fcntl.LOCK_SH)
            try:
                self._ensure_running()
            except BaseException:
                self._release()
                raise

    def stop(self) -> None:
        """Leave the server; it is stopped, before this returns, when nobody else uses it."""
        if self._lease is None:
            return
        with self._start_lock():
            self._release()

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the program to run and its arguments."""

    @abstractmethod
    def _why_not_ready(self) -> str | None:
        """Return None when the server answers, else what came instead."""

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _prepare(self) -> None:
        """Do what has to be done before the program can start; called with `start.lock` held and no keeper at work."""
        return

    def _keeper_options(self) -> list[str]:
        """Return how the keeper has to treat the program, if not as usual."""
        return []

    def _environment(self) -> Mapping[str, str]:
        """Return the variables that the server gets: few, it has no use for the caller's keys and passwords."""
        return {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}

    def _working_folder(self) -> Path:
        return self.folder

    @contextmanager
    def _start_lock(self) -> Iterator[None]:
        lock = open_lock(self.folder / "start.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _ensure_running(self) -> None:
        # One that runs already may be about to end: a process that was killed is there for a moment longer.
        if self.is_running() and self._answers(has_ended=lambda: not self.is_running()):
            return
        self._prepare()
        keeper = self._launch()
        if not self._answers(has_ended=lambda: keeper.poll() is not None):
            raise ServerError(f"{self.name} ended at its start. {self._log_tail()}")

    def _launch(self) -> subprocess.Popen[bytes]:
        keeper = [sys.executable, "-I", "-S", str(KEEPER), f"--lease={self.folder}", f"--grace={STOP_SECONDS - 5}"]
        with self._open_log() as log:
            self._keeper = subprocess.Popen(
                [*keeper, *self._keeper_options(), "--", *self._command()],
                cwd=self._working_folder(),
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self._keeper

    def _answers(self, has_ended: Callable[[], bool]) -> bool:
        """Wait until the server answers; False when it ends before that.

        :raises ServerError: it does neither in time.
        """
        deadline = time.monotonic() + self.start_seconds
        while problem := self._why_not_ready():
            if has_ended():
                return False
            if time.monotonic() > deadline:
                raise ServerError(f"{self.name} does not answer ({problem}). {self._log_tail()}")
            time.sleep(POLL_SECONDS)
        return True

    def _release(self) -> None:
        """Give the lease back and stop the server if it was the last one; call with `start.lock` held."""
        lease, self._lease = self._lease, None
        if lease is None:
            return
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            self._stop_server()
        finally:
            os.close(lease)

    def _stop_server(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        if self.is_running():
            os.kill(int((self.folder / "server.lock").read_text()), signal.SIGTERM)
        while self.is_running():
            if time.monotonic() > deadline:
                raise ServerError(f"{self.name} did not stop within {STOP_SECONDS:.0f} s. Its log: {self.log_path}")
            time.sleep(POLL_SECONDS)
        if self._keeper is not None:
            self._keeper.wait()
            self._keeper = None

    def _open_log(self) -> IO[bytes]:
        if self.log_path.exists() and self.log_path.stat().st_size > LARGEST_LOG_BYTES:
            self.log_path.unlink()
        return os.fdopen(os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")

    def _log_tail(self) -> str:
        return describe_log_tail(self.log_path)


def describe_log_tail(path: Path, lines: int = 15) -> str:
    """Return the end of a log with its name, to be shown to a person."""
    try:
        tail = path.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return f"There is no log {path}."
    return "\n".join([f"The end of {path}:", *(f"  {line}" for line in tail)])


def open_lock(path: Path) -> int:
    """Open a lock file, making it when absent."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
