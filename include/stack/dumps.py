"""Dump and load a PostgreSQL database with the programs of the embedded PostgreSQL, on any server up to its version."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Self, cast

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import make_conninfo

from include.stack.archive import BackupError
from include.stack.connections import LIBPQ_OPTIONS
from include.stack.database import read_extra
from include.stack.postgres import find_binaries

CONNECT_SECONDS = 20
HEAD_LINES = 100
# pg_restore writes it for every server; PostgreSQL 16 and earlier do not know it.
UNKNOWN_SETTING = b"SET transaction_timeout"


@dataclass(frozen=True)
class Place:
    """A database as its owner connects to it.

    :param label: name in messages
    :param options: libpq's, with the name of the database and the password
    :param admin: options of a login that may create and rename databases there; None if a restore must not
    :param is_shared: whether other applications may have tables there
    """

    label: str
    options: Mapping[str, str]
    admin: Mapping[str, str] | None = None
    is_shared: bool = False

    @property
    def name(self) -> str:
        """The name of the database."""
        return self.options["dbname"]

    def named(self, name: str) -> Self:
        """Return another database of the same server and owner."""
        return replace(self, options={**self.options, "dbname": name})


def options_of(connection: Mapping[str, Any]) -> dict[str, str]:
    """Return libpq's options of a connection in Airflow's form."""
    fields = {"host": "host", "port": "port", "dbname": "schema", "user": "login", "password": "password"}
    given = {name: connection.get(field) for name, field in fields.items()} | read_extra(dict(connection))
    return {name: str(value) for name, value in given.items() if name in LIBPQ_OPTIONS and value not in (None, "")}


def conninfo(options: Mapping[str, str]) -> str:
    """Return the text of options for psycopg."""
    return make_conninfo("", **{"connect_timeout": str(CONNECT_SECONDS), **options})


def connect(options: Mapping[str, str]) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect in autocommit mode."""
    return psycopg.connect(conninfo(options), autocommit=True)


def exists(place: Place) -> bool:
    """Return whether a database exists.

    :raises BackupError: the server can't be reached or rejects the login.
    """
    try:
        connect(place.options).close()
    except psycopg.OperationalError as error:
        if "does not exist" in str(error) and f'"{place.name}"' in str(error):
            return False
        raise BackupError(f"Can't connect to {place.label}: {' '.join(str(error).split())}") from None
    return True


def fetch_value(place: Place, query: str) -> Any:
    """Return the value of a query's only row and column."""
    with connect(place.options) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def dump(place: Place, path: Path, tables: Sequence[str] = ()) -> None:
    """Write a database to a file, and read the file again in full.

    :param tables: only these, by qualified and quoted names; by default all that is in the database
    :raises BackupError: pg_dump or pg_restore fails.
    """
    only = [f"--table={name}" for name in tables]
    run(place, "pg_dump", "--format=custom", f"--file={path}", *only)
    with Path(os.devnull).open("wb") as nowhere:
        run(None, "pg_restore", "--file=-", str(path), output=nowhere)


def load(path: Path, place: Place) -> None:
    """Load a dump into an empty database in one transaction, without owners, grants and policies.

    Roles differ between servers: everything belongs to the login, and grant_role.sql grants again.

    :raises BackupError: the dump is invalid, or a statement fails.
    """
    reading = [program("pg_restore"), "--no-owner", "--no-privileges", "--no-policies", "--file=-", str(path)]
    writing = [program("psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
    with (
        TemporaryFile() as errors,
        subprocess.Popen(reading, stdout=subprocess.PIPE, stderr=errors) as reader,
        subprocess.Popen(
            writing, env=environment_of(place), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors
        ) as writer,
    ):
        # psql exits at its first error.
        with suppress(BrokenPipeError):
            copy_script(cast("IO[bytes]", reader.stdout), cast("IO[bytes]", writer.stdin))
            if reader.wait():
                # At the end of its input it would commit an incomplete script.
                writer.kill()
        reader.kill()
        with suppress(BrokenPipeError):
            cast("IO[bytes]", writer.stdin).close()
        if writer.wait():
            errors.seek(0)
            text = errors.read().decode(errors="replace").strip()
            raise BackupError(f"{path.name} can't be loaded into {place.label}: {text}")


def copy_script(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy a script without the setting that old servers do not know."""
    for line in islice(source, HEAD_LINES):
        if not line.startswith(UNKNOWN_SETTING):
            target.write(line)
    shutil.copyfileobj(source, target)


def run(place: Place | None, name: str, *arguments: str, output: Any = None) -> None:
    """Run a program of PostgreSQL.

    :raises BackupError: it fails; the text has its output.
    """
    variables = environment_of(place) if place else None
    command = [program(name), *arguments]
    result = subprocess.run(command, env=variables, stdout=output, stderr=subprocess.PIPE, check=False)
    if result.returncode:
        of_what = f" of {place.label}" if place else ""
        raise BackupError(f"{name}{of_what} failed: {result.stderr.decode(errors='replace').strip()}")


def program(name: str) -> str:
    """Return the path of a program of PostgreSQL."""
    return str(find_binaries() / name)


def environment_of(place: Place) -> dict[str, str]:
    """Return the environment in which libpq's programs connect to a database: `ps` shows command lines, not this."""
    known = {option.keyword.decode(): (option.envvar or b"").decode() for option in pq.Conninfo.get_defaults()}
    variables = {known[name]: value for name, value in place.options.items() if known.get(name)}
    return {"PATH": os.environ.get("PATH", ""), "PGCONNECT_TIMEOUT": str(CONNECT_SECONDS), **variables}


@contextmanager
def fresh_copy(place: Place) -> Iterator[Place]:
    """Create an empty database beside another; yield it, and drop it unless it has been swapped in."""
    copy = place.named(f"{place.name}_restored")
    with connect(place.admin or place.options) as connection:
        drop(connection, copy.name)
        names = sql.Identifier(copy.name), sql.Identifier(place.options["user"])
        connection.execute(sql.SQL("create database {} template template0 owner {}").format(*names))
        try:
            yield copy
        finally:
            drop(connection, copy.name)


def swap_in(places: Sequence[Place]) -> None:
    """Replace databases by their fresh copies: all of them or none.

    :raises BackupError: a database is in use.
    """
    old_names = {place.name: f"{place.name}_replaced" for place in places}
    rename = sql.SQL("alter database {} rename to {}")
    with connect(places[0].admin or places[0].options) as connection:
        for name in old_names.values():
            drop(connection, name)
        try:
            with connection.transaction():
                for name, old_name in old_names.items():
                    if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                        connection.execute(rename.format(sql.Identifier(name), sql.Identifier(old_name)))
                    connection.execute(rename.format(sql.Identifier(f"{name}_restored"), sql.Identifier(name)))
        except psycopg.errors.ObjectInUse as error:
            raise BackupError(
                f"{' '.join(str(error).split())} Nothing was changed. Stop Airflow and close other connections first."
            ) from None
        for name in old_names.values():
            drop(connection, name)


def drop(connection: psycopg.Connection[Any], name: str) -> None:
    """Drop a database if it exists, with its sessions."""
    connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
