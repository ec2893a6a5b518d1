"""setup_database.sql on a large database of the original while its script keeps reading and writing."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest

from tests.database.test_setup import ORIGINAL_SCHEMA, make_original, set_up
from tests.steps.builders import DAY, Row, day

IS_LONG = os.environ.get("COMETS_TEST_PROFILE") == "long"
CREATOR_COUNT = 10_000 if IS_LONG else 250
DAY_COUNT = 365
WRITES_AFTERWARDS = 20
TIMEOUT_SECONDS = 600

CREATORS = """
    insert into creators
    select
        (6000000000000000000 + n)::text,
        'handle ' || n, 'Ada ' || n, 'https://example.org/' || n, 'bio', timestamp '2026-02-28 23:59:59.123456'
    from generate_series(1, %(count)s) as n
"""
# Counts and growth at the edges of their types: INTEGER ends at 2^31 - 1, DECIMAL(5, 2) at 999.99.
STATS = """
    insert into creator_stats (
        user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent
    )
    select
        user_id, %(day)s::date - age, 2147483647 - age - length(handle), 2147483647 - age, age %% 2,
        case age %% 3 when 0 then 2147483647 when 1 then -2147483648 else age end,
        case age %% 3 when 0 then 999.99 when 1 then -999.99 else age / 100.0 end
    from creators
    cross join generate_series(1, %(days)s) as age
"""
DIGEST = """
    select count(*), sum(follower_count::numeric), sum(hashtextextended(concat_ws('|',
        id, user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers,
        daily_growth_percent
    ), 0)::numeric)
    from creator_stats
    where recorded_date < %s
"""
CREATOR_DIGEST = """
    select count(*), sum(hashtextextended(concat_ws('|', user_id, handle, nickname, avatar_url, signature), 0)::numeric)
    from creators
    where user_id not like 'new %%'
"""
UPSERT_CREATOR = """
    insert into creators (user_id, handle, nickname, avatar_url, signature, last_updated_at)
    values (%(user_id)s, %(user_id)s, 'n', 'a', 's', now())
    on conflict (user_id) do update set last_updated_at = now(), nickname = excluded.nickname
"""
UPSERT_STATS = """
    insert into creator_stats (
        user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent
    )
    values (%(user_id)s, %(day)s, %(count)s, 1, 1, 0, 0)
    on conflict (user_id, recorded_date) do update set follower_count = excluded.follower_count
"""


class Writer(threading.Thread):
    """Writes as the original's script: short transactions, some of which lock the tables in the other order."""

    def __init__(self, url: str, number: int) -> None:
        super().__init__(daemon=True)
        self.user_id = f"new {number}"
        self.written = 0
        self.failure: BaseException | None = None
        self.is_stopped = threading.Event()
        self._url = url

    def run(self) -> None:
        """Write until stopped."""
        try:
            with psycopg.connect(self._url, autocommit=True) as connection:
                self._write(connection, [UPSERT_CREATOR, UPSERT_STATS])
                while not self.is_stopped.is_set():
                    self._write(connection, [UPSERT_STATS, UPSERT_CREATOR][:: 1 if self.written % 2 else -1])
                    connection.execute("select count(*) from creators inner join creator_stats using (user_id) limit 1")
        except BaseException as error:
            self.failure = error

    def _write(self, connection: psycopg.Connection[Row], statements: list[str]) -> None:
        values = {"user_id": self.user_id, "day": DAY, "count": self.written + 1}
        with connection.transaction():
            for statement in statements:
                connection.execute(statement.encode(), values)
        self.written += 1

    def wait_until(self, count: int) -> None:
        """Wait until `count` transactions are committed."""
        while self.written < count and self.failure is None and self.is_alive():
            self.join(0.02)


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    """URL of an empty database."""
    return new_database()


@pytest.fixture
def database(url: str) -> Iterator[psycopg.Connection[Row]]:
    """A connection to the empty database."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for sessions that may wait for locks."""
    with ThreadPoolExecutor() as executor:
        yield executor


def set_up_in_background(pool: ThreadPoolExecutor, url: str) -> Future[None]:
    """Execute the file in another session."""

    def run() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            set_up(connection)

    return pool.submit(run)


def test_upgrade_keeps_every_row_while_writers_continue(url: str, database: psycopg.Connection[Row]) -> None:
    database.execute(ORIGINAL_SCHEMA.encode())
    numbers = {"count": CREATOR_COUNT, "day": DAY, "days": DAY_COUNT}
    database.execute(CREATORS.encode(), numbers)
    # Skips the foreign keys, whose checks would take longer than the rest of the test.
    database.execute("set session_replication_role = replica")
    database.execute(STATS.encode(), numbers)
    database.execute("reset session_replication_role")
    before = database.execute(DIGEST.encode(), [DAY]).fetchone()
    creators_before = database.execute(CREATOR_DIGEST.encode(), []).fetchone()
    assert before
    assert before[0] == CREATOR_COUNT * DAY_COUNT

    writers = [Writer(url, number) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.wait_until(5)
    set_up(database)
    counts_then = [writer.written for writer in writers]
    for writer, count in zip(writers, counts_then, strict=True):
        writer.wait_until(count + WRITES_AFTERWARDS)
        writer.is_stopped.set()
    for writer in writers:
        writer.join()
        assert writer.failure is None
    assert all(writer.written >= count + WRITES_AFTERWARDS for writer, count in zip(writers, counts_then, strict=True))

    assert database.execute(DIGEST.encode(), [DAY]).fetchone() == before
    assert database.execute(CREATOR_DIGEST.encode(), []).fetchone() == creators_before
    assert dict(
        database.execute("select user_id, follower_count from creator_stats where recorded_date = %s", [DAY]).fetchall()
    ) == {writer.user_id: writer.written for writer in writers}


def test_waiting_upgrade_blocks_no_other_session(
    url: str, database: psycopg.Connection[Row], pool: ThreadPoolExecutor
) -> None:
    make_original(database)
    with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as other:
        holder.execute("update creators set nickname = 'held' where handle = 'handle 1'")
        upgrade = set_up_in_background(pool, url)
        observations = 0
        while observations < 5:
            found = database.execute(
                "select 1 from pg_locks where locktype = 'relation' and not granted and mode = 'AccessExclusiveLock'"
            ).fetchone()
            observations += found is not None
            other.execute("update creators set nickname = 'free' where handle = 'handle 2'")
            other.execute("update creator_stats set heart_count = 5 where recorded_date = %s", [day(-1)])
            assert not upgrade.done()
        holder.commit()
        upgrade.result(TIMEOUT_SECONDS)
    assert database.execute("select version from comet_schema").fetchone()
    assert database.execute("select nickname from creators where handle in ('handle 1', 'handle 2')").fetchall() == [
        ("held",),
        ("free",),
    ]


def test_second_setup_waits_for_no_reader_or_writer(
    url: str, database: psycopg.Connection[Row], pool: ThreadPoolExecutor
) -> None:
    make_original(database)
    set_up(database)
    tables = database.execute(
        "select string_agg(oid::regclass::text, ', ') from pg_class "
        "where relnamespace = 'public'::regnamespace and relkind = 'r'"
    ).fetchone()
    assert tables
    with psycopg.connect(url) as busy:
        busy.execute(f"lock table {tables[0]} in row exclusive mode".encode())
        busy.execute("insert into creators (user_id) values ('mine')")
        busy.execute("insert into creator_stats (user_id, recorded_date) values ('mine', %s)", [DAY])
        set_up_in_background(pool, url).result(TIMEOUT_SECONDS)
        busy.execute("delete from creator_stats where user_id = 'mine'")
