"""A made-up history in an embedded PostgreSQL: facts of each date, processed by the Dag's steps.

Later runs reuse it until the seed, the size or a step changes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from psycopg import sql

from comets.settings import DEFAULT_SETTINGS_FILE, load_settings
from include.stack.output import note
from include.stack.postgres import EmbeddedPostgres
from include.stack.project import SCHEMA_FILE, SQL_FOLDER

SEED_FILE = Path(__file__).with_name("seed.sql")
FOUND, GROWTH, SCORES = ("filter_comets", "upsert_creators"), "record_growth", "score_creators"
RANKED_DATES = 10
VACUUM_DAYS = 10

# Memory for large tables, and no autovacuum during timing.
SERVER = {"shared_buffers": "2GB", "max_wal_size": "8GB", "autovacuum": "off", "effective_cache_size": "8GB"}

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class Size:
    """A history with all creators tracked since its first date; searches find a few more on each date.

    :param has_all_calls: fill the ledger and the plan of roll calls on every date, not on the last one only
    """

    name: str
    creators: int
    dates: int
    hashtags: int
    has_all_calls: bool = False

    @property
    def last_date(self) -> date:
        """The last date with a run."""
        return date(2026, 6, 30)

    @property
    def left_out_day(self) -> int:
        """The number of the only date without a run."""
        return self.dates // 3

    @property
    def middle_date(self) -> date:
        """A date in the middle that has a ranking."""
        return self.date_of(self.dates // 2)

    def date_of(self, day_number: int) -> date:
        """Return the date of a day; the first is number 0."""
        return self.last_date + timedelta(days=day_number - self.dates + 1)


SIZES = {
    "small": Size("small", creators=10_000, dates=60, hashtags=20),
    "full": Size("full", creators=100_000, dates=60, hashtags=50),
}


@contextmanager
def history(folder: Path, size: Size) -> Iterator[str]:
    """Run a server with a history of a size; yield the database's URL."""
    name, digest = f"history_{size.name}", digest_of(size)
    with EmbeddedPostgres(folder / "postgres", durable=False, settings=SERVER) as server:
        with connect(server.url()) as connection:
            query = "select 1 from pg_database where datname = %s and shobj_description(oid, 'pg_database') = %s"
            if connection.execute(query, [name, digest]).fetchone() is None:
                database = sql.Identifier(name)
                connection.execute(sql.SQL("drop database if exists {} with (force)").format(database))
                server.create_database(name)
                make(server.url(name), size)
                comment = sql.SQL("comment on database {} is {}")
                connection.execute(comment.format(database, sql.Literal(digest)))
        yield server.url(name)


def digest_of(size: Size) -> str:
    """Return a hash of the inputs of a history."""
    files = [SEED_FILE, SCHEMA_FILE, *(SQL_FOLDER / f"{step}.sql" for step in (*FOUND, GROWTH, SCORES))]
    return hashlib.sha256(repr(size).encode() + b"".join(file.read_bytes() for file in files)).hexdigest()


def connect(url: str) -> Connection:
    """Connect with parameters bound by the client, as Airflow's hook does, so that several statements can have them."""
    return psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor)


def make(url: str, size: Size) -> None:
    """Land and process each date in order."""
    note(f"Creating {size.creators:,} creators with {size.dates} dates each; later runs reuse them.")
    with connect(url) as connection:
        connection.execute(SCHEMA_FILE.read_bytes())
        for day_number in range(size.dates):
            make_day(connection, size, day_number)
        connection.execute("vacuum analyze")
    note("Created.")


def make_day(connection: Connection, size: Size, day_number: int) -> None:
    """Process a date as its run does, with scores for ranked dates."""
    if day_number == size.left_out_day:
        return
    run_id = land_day(connection, size, day_number)
    if day_number == 0:
        connection.execute("analyze")
    is_ranked = day_number >= size.dates - RANKED_DATES or size.date_of(day_number) == size.middle_date
    run_steps(connection, run_id, [*FOUND, GROWTH, *([SCORES] if is_ranked else [])])
    if day_number % VACUUM_DAYS == 0:
        connection.execute("vacuum analyze")


def land_day(connection: Connection, size: Size, day_number: int, *, share: float = 1, hashtags: int = -1) -> str:
    """Land the facts of a date; return the id of its run.

    :param share: share of the tracked creators that are read
    :param hashtags: number of searched hashtags; by default that of the size
    """
    run_id = f"scheduled__{size.date_of(day_number)}T02:00:00+00:00"
    parameters = {
        "run_id": run_id,
        "recorded_date": size.date_of(day_number),
        "day_number": day_number,
        "creators": size.creators,
        "hashtags": size.hashtags if hashtags < 0 else hashtags,
        "share": share,
        "is_live": day_number != size.left_out_day,
        "is_reported": day_number < size.dates - 1,
        "has_calls": size.has_all_calls or day_number >= size.dates - 1,
    }
    connection.execute(SEED_FILE.read_bytes(), parameters)
    return run_id


def run_steps(connection: Connection, run_id: str, steps: Sequence[str]) -> None:
    """Run SQL steps as their tasks do, each in a transaction."""
    for step in steps:
        with connection.transaction():
            connection.execute(statements(step), {"run_id": run_id, **step_parameters()})


@cache
def step_parameters() -> dict[str, Any]:
    """Return the parameters of a step without its run id and without timeouts."""
    score = load_settings(DEFAULT_SETTINGS_FILE).score
    return {
        "statement_timeout": "0",
        "lock_timeout": "0",
        "score_version": score.version,
        "score_weights": score.weights.model_dump_json(),
        "scored_at": "2026-07-01 03:00:00+00",
    }


@cache
def statements(step: str) -> bytes:
    """Return a SQL file without comments, which may contain `%`, as Airflow's operator does."""
    return re.sub(rb"(?m)^\s*--.*$", b"", (SQL_FOLDER / f"{step}.sql").read_bytes())
