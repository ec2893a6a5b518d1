"""`make clean`: removes the state folder's parts, and nothing else that may lie there."""

import shutil
import sys
from contextlib import suppress

from include.stack.backup import creator_count
from include.stack.environment import resolve
from include.stack.errors import StackError
from include.stack.output import say
from include.stack.postgres import EmbeddedPostgres
from include.stack.processes import exclusive_stack
from include.stack.project import State


class RealDataError(StackError):
    """Real creators would be lost."""


class StillInUseError(StackError):
    """Something of the stack is at work."""


def clean(*, is_forced: bool) -> None:
    """Remove all state: databases, logs, keys.

    :raises RealDataError: real creators would be lost, and the user does not want that.
    """
    state = resolve().state
    if not is_forced:
        spare_real_creators(state)
    with exclusive_stack(state, "make clean", "it removes the state"):
        servers = [EmbeddedPostgres(state.postgres), EmbeddedPostgres(state.benchmarks / "postgres")]
        are_ended = [server.end_unused() for server in servers]
        if not all(are_ended):
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


def spare_real_creators(state: State) -> None:
    """Ask before real creators are deleted: TikTok has no history.

    :raises RealDataError: the answer is no, or there is no terminal to ask on.
    """
    if not (state.postgres / "data" / "PG_VERSION").exists():
        return
    with EmbeddedPostgres(state.postgres) as server:
        count = creator_count(server)
    if not count:
        return
    warning = (
        f"{count:,} real creators with their history would be deleted, and TikTok has no history to read it from again."
    )
    if not sys.stdin.isatty():
        raise RealDataError(f"{warning} make backup saves them; make clean FORCE=1 deletes them.")
    say(warning)
    if input("Delete them? [y/N] ").strip().lower() not in ("y", "yes"):
        raise RealDataError("Nothing was removed.")
