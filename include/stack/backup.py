"""`make backup` and `make restore`: the embedded database of real creators as one file.

TikTok has no history, so lost data cannot be fetched again.
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
    """A backup or restore failed; the text has the cause."""


def back_up(target: str) -> None:
    """Write the database to a file; the stack may be running.

    :param target: path of the file; by default a name with the current time
    :raises BackupError: there are no real creators, the file exists, or pg_dump fails.
    """
    environment = ensure_embedded(resolve())
    path = Path(target or f"comets-{datetime.now(UTC):%Y%m%d-%H%M%S}.dump")
    if path.exists():
        raise BackupError(f"{path} already exists. Choose another name with FILE=")
    with EmbeddedPostgres(environment.state.postgres) as server:
        count = creator_count(server)
        if count is None:
            raise BackupError("Nothing to back up: there are no real creators yet.")
        draft = path.with_name(f"{path.name}.part")
        with draft.open("xb") as file:
            run_tool(["pg_dump", "--format=custom", "--dbname", server.url(COMETS_DATABASE)], output=file)
        draft.rename(path)
    say(f"Saved {count:,} creators to {path}.")


def restore(source: str, *, is_forced: bool) -> None:
    """Replace the database by a backup; the stack must not be running.

    :raises BackupError: the file is missing or invalid, or real creators exist and FORCE=1 is not set.
    """
    environment = ensure_embedded(resolve())
    path = Path(source)
    if not source or not path.is_file():
        raise BackupError("Choose an existing file: make restore FILE=comets-20260301-020000.dump")
    with (
        exclusive_stack(environment.state, "make restore", "it restores the database"),
        EmbeddedPostgres(environment.state.postgres) as server,
    ):
        count = creator_count(server)
        if count and not is_forced:
            raise BackupError(f"{count:,} real creators would be lost. Run `make backup` first, then use FORCE=1.")
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


def ensure_embedded(environment: Environment) -> Environment:
    """Return the environment if its creators' database is the embedded one.

    :raises BackupError: another database is configured.
    """
    if environment.database_source is not None:
        raise BackupError(
            f"{environment.database_source} names another database than the embedded one. Use the backups of its host."
        )
    return environment


def creator_count(server: EmbeddedPostgres) -> int | None:
    """Return the number of real creators in the embedded database; None if it does not exist."""
    try:
        with psycopg.connect(server.url(COMETS_DATABASE)) as connection:
            row = connection.execute(COUNT_CREATORS).fetchone()
    except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
        return None
    return int(row[0]) if row else None


def run_tool(command: list[str], *, output: IO[bytes] | None = None, source: IO[bytes] | None = None) -> None:
    """Run a program of PostgreSQL.

    :raises BackupError: it fails; the text has its output.
    """
    program, *arguments = command
    result = subprocess.run(
        [str(find_binaries() / program), *arguments], stdin=source, stdout=output, stderr=subprocess.PIPE, check=False
    )
    if result.returncode:
        raise BackupError(f"{program} failed: {result.stderr.decode(errors='replace').strip()}")
