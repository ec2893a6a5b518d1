"""`make clean`: delete the stack's files from the state folder, and no others."""

import shutil
import sys
from contextlib import suppress

from include.stack.backup import creator_count, options_of_url
from include.stack.dumps import Place
from include.stack.environment import COMETS_DATABASE, resolve
from include.stack.errors import StackError
from include.stack.output import say
from include.stack.postgres import EmbeddedPostgres
from include.stack.processes import exclusive_stack
from include.stack.project import State


class RealDataError(StackError):
    """Real creators would be lost."""


class StillInUseError(StackError):
    """A process still uses the stack."""


def clean(*, is_forced: bool) -> None:
    """Delete databases, logs and keys.

    :raises RealDataError: the user keeps the real creators.
    :raises StillInUseError: a process uses an embedded PostgreSQL.
    """
    state = resolve().state
    if not is_forced:
        confirm_deletion(state)
    with exclusive_stack(state, "make clean", "it removes the state"):
        servers = [EmbeddedPostgres(state.postgres), EmbeddedPostgres(state.benchmarks / "postgres")]
        are_stopped = [server.stop_unused() for server in servers]
        if not all(are_stopped):
            raise StillInUseError(
                "An `airflow` command, a test or a benchmark still uses an embedded PostgreSQL. Stop it first."
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
    kept = f" Backups stay in {state.backups}: delete them by hand." if state.backups.exists() else ""
    say(f"Deleted {state.folder}.{kept}")


def confirm_deletion(state: State) -> None:
    """Ask before real creators are deleted.

    :raises RealDataError: the answer is no, or there is no terminal.
    """
    if not (state.postgres / "data" / "PG_VERSION").exists():
        return
    with EmbeddedPostgres(state.postgres) as server:
        count = creator_count(Place("the creators' database", options_of_url(server.url(COMETS_DATABASE))))
    if not count:
        return
    warning = f"This deletes {count:,} real creators and their history, which cannot be fetched again."
    if not sys.stdin.isatty():
        raise RealDataError(f"{warning} Run `make backup` to save them, then `make clean FORCE=1`.")
    say(warning)
    if input("Delete them? [y/N] ").strip().lower() not in ("y", "yes"):
        raise RealDataError("Nothing was deleted.")
