"""One stack at a time per state folder."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.stack.errors import StackError
from include.stack.shared_server import open_lock


class StackBusyError(StackError):
    """Another command runs the stack; the text says which one and where."""


@contextmanager
def exclusive_stack(path: Path, command: str, url: str) -> Iterator[None]:
    """Hold the stack for a command; the kernel releases it even when the process is killed.

    :raises StackBusyError: it is held already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = open_lock(path)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackBusyError(describe_holder(path)) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, json.dumps({"command": command, "process": os.getpid(), "url": url}).encode(), 0)
        yield
    finally:
        os.close(lock)


def describe_holder(path: Path) -> str:
    """Say who holds the stack."""
    try:
        holder = json.loads(path.read_text())
    except ValueError:
        return "The stack is being started by another command just now."
    return f"`{holder['command']}` is already running: {holder['url']} (process {holder['process']})."


def running_url(path: Path) -> str | None:
    """Return where the running stack's UI is, or None when no stack runs."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return str(json.loads(path.read_text())["url"])
    finally:
        os.close(lock)
    return None
