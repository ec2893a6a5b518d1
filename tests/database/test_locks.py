"""Locks that need a right: a role that may only connect, or only read, blocks no step, no landing and no erasure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from comets.database.client import statement
from comets.privacy.erasure import erase_creator
from tests.database.test_setup import set_up
from tests.privacy.erasing import opened
from tests.steps.builders import Facts, Profile, Row, Video

FORMER_LOCKS = """
    select
        pg_advisory_lock(hashtextextended('comet_discovery', 0)),
        pg_advisory_lock(hashtextextended('comet_discovery landing', 0)),
        pg_advisory_lock(hashtextextended('comet_discovery profile 71', 0))
"""
ATTEMPTS = (
    "lock table comet_locks in row share mode",
    "lock table comet_locks in share update exclusive mode",
    "lock table comet_locks in access exclusive mode",
    "select from comet_locks for update",
    "insert into comet_locks values (0)",
    "delete from comet_locks",
    "lock table creators in access exclusive mode",
)


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    """URL of a database with the tables."""
    url = new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        set_up(connection)
    return url


@pytest.fixture
def stranger(url: str, request: pytest.FixtureRequest) -> Iterator[psycopg.Connection[Row]]:
    """A session of a role that has only the given rights."""
    name = f"stranger {uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
        owner.execute(sql.SQL(request.param).format(sql.Identifier(name)))
        set_up(owner)
        with psycopg.connect(url, user=name) as connection:
            yield connection
        owner.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(name)).as_string().encode())


@pytest.mark.parametrize(
    "stranger",
    ["grant connect on database postgres to {}", "grant select on all tables in schema public to {}"],
    ids=["may connect", "may read"],
    indirect=True,
)
def test_stranger_blocks_no_run(url: str, stranger: psycopg.Connection[Row]) -> None:
    stranger.execute(FORMER_LOCKS.encode())
    for attempt in ATTEMPTS:
        with suppress(psycopg.errors.InsufficientPrivilege), stranger.transaction():
            stranger.execute(attempt.encode())
            pytest.fail(f"allowed: {attempt}")
    with suppress(psycopg.errors.InsufficientPrivilege):
        stranger.execute("select count(*) from creators")
    with psycopg.connect(url, autocommit=True, options="-c lock_timeout=2s") as connection, opened(url) as database:
        facts = Facts(connection)
        facts.land_page(Video("71", "v1"))
        facts.land_profile(Profile("71", 20_000))
        facts.run()
        with database.transaction():
            database.execute("profiles/lock_account", asked_id="71")
        assert erase_creator(database, "71", "erasing").counts["creators"] == 1
        set_up(connection)


def test_account_is_locked_for_one_transaction_at_a_time(url: str) -> None:
    def lock(account: str, timeout: str = "60s") -> None:
        with opened(url) as database, database.transaction():
            database.fetch_one("database/read_schema_version")
            database._connection.execute(f"set local lock_timeout = '{timeout}'".encode())
            database._connection.execute(statement("profiles/lock_account"), {"asked_id": account})

    with opened(url) as holder, ThreadPoolExecutor(1) as threads:
        with holder.transaction():
            holder.execute("profiles/lock_account", asked_id="71")
            lock("72", "1s")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                lock("71", "1s")
            waiting = threads.submit(lock, "71")
        waiting.result()


def test_locks_of_many_accounts_stay_few_rows(url: str) -> None:
    with opened(url) as database:
        for number in range(500):
            database.execute("profiles/lock_account", asked_id=str(number))
        rows = database._connection.execute("select bucket from comet_locks").fetchall()
    assert {row["bucket"] for row in rows} <= set(range(128))


def test_parallel_first_setups_succeed(new_database: Callable[[], str]) -> None:
    url = new_database()

    def first_setup(_: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            set_up(connection)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(first_setup, range(6)))
    with psycopg.connect(url, autocommit=True) as connection:
        Facts(connection).run()
