"""`make clean`: removes the state folder's parts, and nothing else that may lie there."""

import shutil
from collections.abc import Sequence
from contextlib import suppress

from include.stack.environment import resolve
from include.stack.errors import StackError
from include.stack.output import say
from include.stack.postgres import EmbeddedPostgres
from include.stack.stack_lock import exclusive_stack


class StillInUseError(StackError):
    """Something of the stack is at work."""


def run_clean(_arguments: Sequence[str]) -> int:
    """Remove all state: databases, logs, keys; return the exit code."""
    state = resolve().state
    with exclusive_stack(state.stack_lock, "make clean", "it removes the state"):
        servers = [EmbeddedPostgres(state.postgres), EmbeddedPostgres(state.benchmarks / "postgres")]
        if any(server.is_running() for server in servers):
            raise StillInUseError(
                "An `airflow` command, a test or a benchmark still uses an embedded PostgreSQL; end it first."
            )
        for part in state.parts():
            if part.is_dir():
                shutil.rmtree(part)
            else:
                part.unlink(missing_ok=True)
        for server in servers:
            if server.socket_folder.parent != server.folder:
                shutil.rmtree(server.socket_folder, ignore_errors=True)
    with suppress(OSError):
        state.folder.rmdir()
    say(f"Removed {state.folder}.")
    return 0
