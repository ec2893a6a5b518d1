"""A made-up history in an embedded PostgreSQL, made once and used again by later runs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from psycopg import sql

from comets.database import SCHEMA_VERSION
from include.stack.output import note
from include.stack.postgres import EmbeddedPostgres
from include.stack.project import SCHEMA_FILE
from tests.benchmarks.sizes import LAST_DATE, Size
from tests.sql.builders import run_step

FOLDER = Path(__file__).with_name("world")
BEFORE_DAYS = ("creators", "handles")
SNAPSHOTS, PROFILES = "snapshots", "profiles"
AFTER_DAYS = (
    "runs",
    "dates",
    "old_searches",
    "searches",
    "pages",
    "rejected_items",
    "videos",
    "newcomer_videos",
    "discoveries",
    "run_discoveries",
    "search_calls",
    "profile_calls",
    "reports",
    "gates",
    "scores",
)
LAST_STEPS = ("record_growth", "score_creators")
YEAR = 365

FILES = ("functions", *BEFORE_DAYS, SNAPSHOTS, PROFILES, *AFTER_DAYS)

# The tables are several times larger than what the stack's small server has in mind. Nothing may work beside what is
# measured.
SERVER = {"shared_buffers": "2GB", "max_wal_size": "8GB", "autovacuum": "off", "effective_cache_size": "8GB"}

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def history(folder: Path, size: Size) -> Iterator[str]:
    """URL of a database with a history of that size, whose server runs meanwhile.

    :param folder: where the server keeps its data; what is there already is used again unless the files that make it
        have changed. The schema file is run each time.
    """
    with EmbeddedPostgres(folder, durable=False, settings=SERVER) as server:
        name = f"history_{size.name}"
        with psycopg.connect(server.url(), autocommit=True) as connection:
            if found_digest(connection, name) != wanted_digest(size):
                make(connection, server, name, size)
        url = server.url(name)
        with psycopg.connect(url, autocommit=True) as connection:
            set_up(connection)
        yield url


def wanted_digest(size: Size) -> str:
    """What a history is made of, in short."""
    parts = [
        repr(size),
        str(SCHEMA_VERSION),
        *((FOLDER / f"{step}.sql").read_text(encoding="utf-8") for step in FILES),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def found_digest(connection: Connection, name: str) -> str | None:
    """The same of the database, None where it does not exist or was not finished: its comment is made last."""
    row = connection.execute(
        "select shobj_description(oid, 'pg_database') from pg_database where datname = %s", [name]
    ).fetchone()
    return row[0] if row else None


def make(connection: Connection, server: EmbeddedPostgres, name: str, size: Size) -> None:
    """Make the database anew."""
    database = sql.Identifier(name)
    connection.execute(sql.SQL("drop database if exists {} with (force)").format(database))
    server.create_database(name)
    note(f"Making {size.creators:,} creators with {size.dates} dates each ...")
    with psycopg.connect(server.url(name), autocommit=True) as filling:
        fill(filling, server.url(name), size)
    connection.execute(sql.SQL("comment on database {} is {}").format(database, sql.Literal(wanted_digest(size))))


def fill(connection: Connection, url: str, size: Size) -> None:
    """Run the files of `world/`; the real steps make the last date agree with what has landed."""
    set_up(connection)
    run_file(connection, "functions")
    prepare(connection)
    with without_indexes(connection, "creator_stats"):
        for step in BEFORE_DAYS:
            timed(step, lambda step=step: run_file(connection, step, size.parameters()))  # type: ignore[misc]
        timed(SNAPSHOTS, lambda: fill_days(url, size, SNAPSHOTS, 0))
    connection.execute("analyze")
    with without_indexes(connection, "comet_profiles", "comet_scores"):
        timed(PROFILES, lambda: fill_days(url, size, PROFILES, min(0, size.dates - YEAR)))
        for step in AFTER_DAYS:
            timed(step, lambda step=step: run_file(connection, step, size.parameters()))  # type: ignore[misc]
    begun = time.monotonic()
    connection.execute("vacuum analyze")
    # With the server's own memory again, as a task has it.
    connection.execute("reset work_mem")
    for step in LAST_STEPS:
        run_step(connection, step, run_id_of(LAST_DATE), statement_timeout="0")
    connection.execute("vacuum analyze creators, creator_stats, comet_scores, comet_dates")
    note(f"  vacuum, and the growth and scores of the last date by the real steps: {time.monotonic() - begun:.0f} s")


def fill_days(url: str, size: Size, step: str, first_day: int) -> int:
    """Run a file for each day that was run, two days at a time; return how many rows were written."""
    days = [day for day in range(first_day, size.dates) if day != size.left_out_day]
    with ThreadPoolExecutor(max_workers=2) as pool:
        return sum(pool.map(lambda day: fill_day(url, size, step, day), days))


def fill_day(url: str, size: Size, step: str, day: int) -> int:
    """Run a file for one day."""
    with psycopg.connect(url, autocommit=True) as connection:
        prepare(connection)
        return run_file(connection, step, size.parameters() | {"day_number": day})


def prepare(connection: Connection) -> None:
    """Make the session fit for many rows.

    They refer to each other as they should by construction; checking each of them takes longer than making it.
    """
    connection.execute("set session_replication_role = replica")
    connection.execute("set work_mem = '256MB'")
    connection.execute("set maintenance_work_mem = '1GB'")


def timed(step: str, act: Callable[[], int]) -> None:
    """Do a step, and say how many rows it wrote and how long it took."""
    begun = time.monotonic()
    count = act()
    note(f"  {step}: {count:,} rows, {time.monotonic() - begun:.0f} s")


@contextmanager
def without_indexes(connection: Connection, *tables: str) -> Iterator[None]:
    """Drop the indexes of empty tables, and make them again of all rows at once, which is many times faster."""
    keys = connection.execute(
        """
        select conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        from pg_constraint
        where conrelid = any(%s::regclass[]) and contype in ('p', 'u')
        """,
        [list(tables)],
    ).fetchall()
    indexes = connection.execute(
        """
        select indexrelid::regclass::text, pg_get_indexdef(indexrelid)
        from pg_index
        where
            indrelid = any(%s::regclass[])
            and indexrelid not in (select conindid from pg_constraint where contype in ('p', 'u'))
        """,
        [list(tables)],
    ).fetchall()
    for table, name, _ in keys:
        connection.execute(f"alter table {table} drop constraint {name}".encode())
    for name, _ in indexes:
        connection.execute(f"drop index {name}".encode())
    yield
    begun = time.monotonic()
    for table, name, definition in keys:
        connection.execute(f"alter table {table} add constraint {name} {definition}".encode())
    for _, definition in indexes:
        connection.execute(definition.encode())
    note(f"  indexes: {time.monotonic() - begun:.0f} s")


def run_id_of(day: date) -> str:
    """The scheduled run of a date."""
    return f"scheduled__{day}T02:00:00+00:00"


def set_up(connection: Connection) -> None:
    """Run the schema file, which adds what it has learned since the history was made."""
    connection.execute(SCHEMA_FILE.read_bytes())


def run_file(connection: Connection, step: str, parameters: dict[str, Any] | None = None) -> int:
    """Execute a file of `world/`; return how many rows it wrote."""
    return connection.execute((FOLDER / f"{step}.sql").read_bytes(), parameters).rowcount
