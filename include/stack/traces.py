"""`make traces`: look for what is left of an erased creator in both databases and in the logs."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from comets.privacy.traces import find_in_files, pattern_of
from include.stack.database import connect
from include.stack.environment import METADATA_VARIABLE, Environment, resolve
from include.stack.errors import StackError
from include.stack.output import note, say
from include.stack.services import databases

PROMPT = "Enter the creator's uid, sec_uids and handles, one per line, then an empty line. They are not stored."
TABLES = """
    select table_schema, table_name
    from information_schema.tables
    where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')
    order by table_schema, table_name
"""
CREATORS_REMEDY = "run the Dag forget_creator again; captions of other creators stay unless you delete them"
RUN_REMEDY = "delete the runs in the UI (of forget_creator all, of comet_discovery the old ones)"
LOG_REMEDY = "airflow db clean --tables log --clean-before-timestamp NOW --skip-archive --yes"


class TracesError(StackError):
    """There is nothing to look for, or a database can't be read."""


def look_for_traces() -> int:
    """Print each place that names the creator and how to remove it; return 1 if there is any."""
    environment = resolve()
    note(PROMPT)
    names = read_names(iter(sys.stdin.readline, ""))
    if not names:
        raise TracesError("No name was entered.")
    pattern = pattern_of(names)
    with databases(environment):
        creators = dict(in_creators(environment, pattern))
        airflow = dict(in_airflow(environment, pattern))
    found = [
        *(f"creators' database, {table}: {count} rows; {CREATORS_REMEDY}" for table, count in creators.items()),
        *(f"Airflow's database, {table}: {count} rows; {remedy(table)}" for table, count in airflow.items()),
        *(f"file {path}: delete it" for path in in_logs(environment, pattern)),
    ]
    for line in found:
        say(f"Left in {line}")
    if not found:
        say("Neither database and no log file on this machine names the creator.")
    say("Not searched: other machines, notifications, exports, backups; docs/howto/erase.md lists every place.")
    return 1 if found else 0


def read_names(lines: Iterator[str]) -> frozenset[str]:
    """Return the names up to the first empty line, without a leading "@"."""
    names = set()
    for line in lines:
        name = line.strip().removeprefix("@")
        if not name:
            break
        names.add(name)
    return frozenset(names)


def in_creators(environment: Environment, pattern: str) -> Iterator[tuple[str, int]]:
    """Yield the tables of the creators' database with rows that match, and their number."""
    with connect(environment) as connection:
        yield from matching_tables(connection, pattern)


def in_airflow(environment: Environment, pattern: str) -> Iterator[tuple[str, int]]:
    """Yield the tables of Airflow's database with rows that match, and their number.

    :raises TracesError: the database is not a PostgreSQL that the environment names by its URL.
    """
    url = environment.variables.get(METADATA_VARIABLE, "")
    if not url.startswith("postgresql"):
        raise TracesError(f"Airflow's database can't be searched: {METADATA_VARIABLE} is no URL of a PostgreSQL.")
    try:
        with psycopg.connect(f"postgresql{url[url.index('://') :]}", autocommit=True) as connection:
            yield from matching_tables(connection, pattern)
    except psycopg.Error as error:
        raise TracesError(f"Airflow's database can't be searched: {' '.join(str(error).split())}") from None


def in_logs(environment: Environment, pattern: str) -> Iterator[Path]:
    """Yield the log files of tasks and of Airflow's components that match."""
    for folder in (environment.task_logs, environment.state.logs):
        if folder.is_dir():
            yield from find_in_files(folder, pattern)


def matching_tables(connection: psycopg.Connection[Any], pattern: str) -> Iterator[tuple[str, int]]:
    """Yield each table of a database with rows that match in any column, and their number."""
    with connection.cursor(row_factory=psycopg.rows.tuple_row) as cursor:
        for schema, name in cursor.execute(TABLES).fetchall():
            statement = sql.SQL("select count(*) from {} as t where t::text ~* %s").format(sql.Identifier(schema, name))
            ((count,),) = cursor.execute(statement, [pattern]).fetchall()
            if count:
                yield name, count


def remedy(table: str) -> str:
    """Return how rows of a table of Airflow's database are removed."""
    return LOG_REMEDY if table == "log" else RUN_REMEDY
