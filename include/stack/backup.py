"""`make backup` and `make restore`: the embedded database of real creators as one file, by pg_dump and pg_restore.

TikTok has no history: what is lost here cannot be read again. A database of others has backups of its own.
"""

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from include.stack.environment import COMETS_DATABASE, Environment, resolve
from include.stack.errors import StackError
from include.stack.output import say
from include.stack.postgres import EmbeddedPostgres, find_binaries
from include.stack.processes import exclusive_stack

COUNT_CREATORS = "select count(*) from creators"


class BackupError(StackError):
    """The database could not be saved or restored; the text says why."""


def back_up(target: str) -> None:
    """Write the database to a file; the stack may run meanwhile.

    :param target: the file; a name with the time when left out
    :raises BackupError: there is nothing to save, the file exists, or pg_dump failed.
    """
    environment = embedded(resolve())
    path = Path(target or f"comets-{datetime.now(UTC):%Y%m%d-%H%M%S}.dump")
    if path.exists():
        raise BackupError(f"{path} exists already: choose another name by FILE=")
    with EmbeddedPostgres(environment.state.postgres) as server:
        count = creator_count(server)
        if count is None:
            raise BackupError("There are no real creators yet, so there is nothing to save.")
        draft = path.with_name(f"{path.name}.part")
        with draft.open("xb") as file:
            run_tool(["pg_dump", "--format=custom", "--dbname", server.url(COMETS_DATABASE)], output=file)
        draft.rename(path)
    say(f"Saved {count:,} creators to {path}.")


def restore(source: str, *, is_forced: bool) -> None:
    """Put the database of a file in the place of what is there; the stack must not run.

    :raises BackupError: the file cannot be read, or real creators would be lost without FORCE=1.
    """
    environment = embedded(resolve())
    path = Path(source)
    if not source or not path.is_file():
        raise BackupError("Say which file: make restore FILE=comets-20260301-020000.dump")
    with (
        exclusive_stack(environment.state, "make restore", "it restores the database"),
        EmbeddedPostgres(environment.state.postgres) as server,
    ):
        count = creator_count(server)
        if count and not is_forced:
            raise BackupError(f"{count:,} real creators would be lost. Save them first (make backup), then FORCE=1.")
        restored = f"{COMETS_DATABASE}_restored"
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(restored)))
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(restored)))
            with path.open("rb") as file:
                run_tool(["pg_restore", "--no-owner", "--exit-on-error", "--dbname", server.url(restored)], source=file)
            names = {"old": sql.Identifier(COMETS_DATABASE), "new": sql.Identifier(restored)}
            connection.execute(sql.SQL("drop database if exists {old} with (force)").format(**names))
            connection.execute(sql.SQL("alter database {new} rename to {old}").format(**names))
        say(f"Restored {creator_count(server) or 0:,} creators from {path}.")


def embedded(environment: Environment) -> Environment:
    """Check that the real creators are in the embedded database.

    :raises BackupError: they are in another one.
    """
    if environment.database_source is not None:
        raise BackupError(
            f"The database of {environment.database_source} is not the embedded one: use its host's backups."
        )
    return environment


def creator_count(server: EmbeddedPostgres) -> int | None:
    """Return how many real creators the embedded database holds; None when there is no such database."""
    try:
        with psycopg.connect(server.url(COMETS_DATABASE)) as connection:
            row = connection.execute(COUNT_CREATORS).fetchone()
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
        return None
    return int(row[0]) if row else None


def run_tool(command: list[str], *, output: IO[bytes] | None = None, source: IO[bytes] | None = None) -> None:
    """Run a program of PostgreSQL.

    :raises BackupError: it failed; the text is what it says.
    """
    program, *arguments = command
    result = subprocess.run(
        [str(find_binaries() / program), *arguments], stdin=source, stdout=output, stderr=subprocess.PIPE, check=False
    )
    if result.returncode:
        raise BackupError(f"{program} failed: {result.stderr.decode(errors='replace').strip()}")
