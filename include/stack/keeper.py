"""Runs one program and makes sure that it never outlives those who need it.

A keeper is a small process between the stack and a server (PostgreSQL, an Airflow component). It stops the server

* when it gets SIGTERM or SIGINT,
* when its standard input ends, that is when the process that started it is gone, however it died, or
* with `--lease FOLDER`, when no process holds the folder's `users.lock` any more (checked every second).

The kernel closes pipes and releases file locks of killed processes, so this holds after `kill -9` too. Should the
keeper itself be killed, the server gets its stop signal from the kernel (Linux only: PR_SET_PDEATHSIG).

This file is run by its path and imports nothing of the project: a keeper may have to work while the rest is broken.
"""

import argparse
import ctypes
import fcntl
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

LEASE_POLL_SECONDS = 1.0
PR_SET_PDEATHSIG = 1


def main(argv: Sequence[str]) -> int:
    """Run the command until it ends or has to end; return its exit code (128 + signal when a signal ended it)."""
    options = parse_arguments(argv)
    server_lock = hold_server_lock(options.lease) if options.lease else None
    child = start_child(options)
    wait_for_the_end(child, stop_requested=lease_ended(options.lease), watch_stdin=options.lease is None)
    stop_child(child, options.stop_signal, options.grace)
    if server_lock is not None:
        os.close(server_lock)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read `[options] -- COMMAND...`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--user", help="run the command as this operating system user")
    parser.add_argument("--lease", type=Path, help="folder with start.lock, users.lock and server.lock")
    parser.add_argument("--stop-signal", default="SIGTERM", type=lambda name: signal.Signals[name])
    parser.add_argument("--grace", type=float, default=20.0, help="seconds from the stop signal to SIGKILL")
    parser.add_argument("command", nargs="+")
    return parser.parse_args(argv)


def hold_server_lock(folder: Path) -> int:
    """Take `server.lock`, which says "a keeper is at work" for as long as this process lives, and sign it."""
    lock = os.open(folder / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def start_child(options: argparse.Namespace) -> subprocess.Popen[bytes]:
    """Start the command in a session of its own, so that a Ctrl-C at the terminal reaches only those who handle it."""
    identity = {"user": options.user, "group": options.user, "extra_groups": []} if options.user else {}
    return subprocess.Popen(
        options.command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=parent_death_signal(options.stop_signal),
        **identity,
    )


def parent_death_signal(number: int) -> Callable[[], None] | None:
    """Return what the child has to do before it becomes the command; runs after the change of user, which resets it."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def request() -> None:
        prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)

    return request


def lease_ended(folder: Path | None) -> Callable[[], bool]:
    """Return a check for "nobody uses the server any more".

    Users come and go under `start.lock`, therefore the check takes it as well; when it is taken, somebody is just
    coming or going and the answer can wait for the next round.
    """
    if folder is None:
        return lambda: False
    start = os.open(folder / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    users = os.open(folder / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def check() -> bool:
        if not try_lock(start):
            return False
        if try_lock(users):
            return True
        fcntl.flock(start, fcntl.LOCK_UN)
        return False

    return check


def try_lock(lock: int) -> bool:
    """Take an exclusive lock if it is free at once. Both locks are kept until the process ends."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for_the_end(child: subprocess.Popen[bytes], *, stop_requested: Callable[[], bool], watch_stdin: bool) -> None:
    """Return when the child has ended or has to be stopped."""
    with selectors.DefaultSelector() as selector:
        signals = signal_pipe()
        selector.register(signals, selectors.EVENT_READ)
        if watch_stdin:
            selector.register(0, selectors.EVENT_READ)
        while child.poll() is None:
            ready = {key.fd for key, _ in selector.select(LEASE_POLL_SECONDS)}
            if signals in ready and stop_signals_in(os.read(signals, 512)):
                return
            if 0 in ready and not os.read(0, 512):
                return
            if stop_requested():
                return


def signal_pipe() -> int:
    """Turn SIGTERM, SIGINT, SIGHUP and SIGCHLD into bytes that can be read from the returned descriptor."""
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK) if hasattr(os, "pipe2") else os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def noted(_number: int, _frame: FrameType | None) -> None:
        """The wake-up descriptor has got the number already."""

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, noted)
    return reader


def stop_signals_in(numbers: bytes) -> bool:
    """Tell whether one of the signals that arrived asks for the end."""
    return any(number != signal.SIGCHLD for number in numbers)


def stop_child(child: subprocess.Popen[bytes], stop_signal: int, grace: float) -> None:
    """Ask the child to end, wait, and finally kill what is left of its session."""
    if child.poll() is None:
        child.send_signal(stop_signal)
    deadline = time.monotonic() + grace
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    for process in session_members(child.pid):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)
    child.wait()


def session_members(session: int) -> list[int]:
    """Find the processes of a session: Airflow gives every task a process group of its own, but no session.

    Without /proc (macOS) only the leader is known.
    """
    members = [session]
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(int(entry.name)) == session:
                members.append(int(entry.name))
    return members


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
