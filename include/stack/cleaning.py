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
        server = EmbeddedPostgres(state.postgres)
        if server.is_running():
            raise StillInUseError("An `airflow` command or a test still uses the embedded PostgreSQL; end it first.")
        for part in state.parts():
            if part.is_dir():
                shutil.rmtree(part)
            else:
                part.unlink(missing_ok=True)
        if server.socket_folder.parent != state.postgres:
            shutil.rmtree(server.socket_folder, ignore_errors=True)
    with suppress(OSError):
        state.folder.rmdir()
    say(f"Removed {state.folder}.")
    return 0
