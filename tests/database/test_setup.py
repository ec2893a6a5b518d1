"""setup_database.sql on an empty database, repeated, and on a database of the original script."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import LiteralString

import psycopg
import pytest

from include.stack.postgres import find_binaries
from tests.conftest import SCHEMA_FILE
from tests.steps.builders import DAY, Facts, Row, Video, day, everything, noon

ORIGINAL_SCHEMA = """
    create table creators (
        user_id varchar(50) primary key,
        handle varchar(100) not null,
        nickname varchar(255),
        avatar_url text,
        signature text,
        last_updated_at timestamp default now()
    );

    create table creator_stats (
        id serial primary key,
        user_id varchar(50) references creators (user_id),
        recorded_date date not null default current_date,
        follower_count integer default 0,
        heart_count integer default 0,
        video_count integer default 0,
        daily_growth_followers integer default 0,
        daily_growth_percent decimal(5, 2) default 0,
        unique (user_id, recorded_date)
    );

    create index idx_stats_date on creator_stats (recorded_date);
"""
# 300 creators on 60 days, with counts 0 or NULL, growth at the limits of its columns, and keys of every kind.
ODD_ROWS = """
    insert into creators (user_id, handle, nickname, last_updated_at)
    select
        case
            when number < 3 then (array['', ' ', 'ada'])[number + 1]
            when number < 8 then 'MS4wLjABAAAA' || number
            when number < 13 then 'handle.' || number
            else (1000 + number - 13)::text
        end,
        (array['ada', '', ' @Ada ', 'قهوة', E'a\\tb', 'x'';drop table creators', '🧑‍🚀'])[1 + number % 7],
        null,
        case when number % 5 > 0 then date '2026-03-01' - number * interval '1 hour' end
    from generate_series(0, 299) as number;

    insert into creator_stats (
        user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent
    )
    select
        user_id,
        date '2026-03-01' - back,
        case when (length(user_id) + back) % 11 = 3 then 0 when back % 17 = 5 then null else 20000 + 44 * back end,
        case when back % 2 = 0 then 0 end,
        0,
        12,
        (array[999.99, -999.99, 0, null])[1 + back % 4]
    from creators
    cross join generate_series(1, 60) as back
"""
CATALOG = """
    select 'column', table_name, column_name, data_type, is_nullable, column_default
    from information_schema.columns
    where table_schema = 'public'
    union all
    select 'index', tablename, indexname, indexdef, null, null
    from pg_indexes
    where schemaname = 'public'
    union all
    select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), null, null
    from pg_constraint
    where connamespace = 'public'::regnamespace
    union all
    select 'view', viewname, definition, null, null, null
    from pg_views
    where schemaname = 'public'
    union all
    select 'relation', relname, relrowsecurity::text, relforcerowsecurity::text, reloptions::text, relacl::text
    from pg_class
    where relnamespace = 'public'::regnamespace
    union all
    select 'sequence', sequencename, data_type::text, max_value::text, null, null
    from pg_sequences
    where schemaname = 'public'
    union all
    select 'comment', oid::regclass::text, obj_description(oid, 'pg_class'), null, null, null
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')
    union all
    select 'comment', oid::regprocedure::text, obj_description(oid, 'pg_proc'), null, null, null
    from pg_proc
    where pronamespace = 'public'::regnamespace
    order by 1, 2, 3
"""
ORIGINAL_COLUMNS = {
    "creators": "user_id, handle, nickname, avatar_url, signature",
    "creator_stats": (
        "id, user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, "
        "daily_growth_percent"
    ),
}
CREATOR_COUNT = 40
DAY_COUNT = 10


@pytest.fixture
def url(new_database: Callable[[], str]) -> str:
    """URL of an empty database."""
    return new_database()


@pytest.fixture
def database(url: str) -> Iterator[psycopg.Connection[Row]]:
    """A connection to the empty database."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def set_up(connection: psycopg.Connection[Row]) -> None:
    """Execute the file in one call, as a hosted SQL editor does."""
    connection.execute(SCHEMA_FILE.read_bytes())


def make_original(connection: psycopg.Connection[Row]) -> None:
    """Create the original's tables with some hundred rows."""
    connection.execute(ORIGINAL_SCHEMA.encode())
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into creators values (%s, %s, %s, %s, %s, %s)",
            [
                (
                    f"{number:040}",
                    f"handle {number}",
                    "100 % 'Ada' \\ 🧑‍🚀",
                    None,
                    "",
                    datetime(2026, 2, 20, 23, 59, 59, 123456) + timedelta(seconds=number),
                )
                for number in range(CREATOR_COUNT)
            ],
        )
        cursor.executemany(
            """
            insert into creator_stats (
                user_id, recorded_date, follower_count, heart_count, daily_growth_followers, daily_growth_percent
            )
            values (%s, %s, %s, %s, %s, %s)
            """,
            [
                (f"{number:040}", day(age - DAY_COUNT), 1_000 * number + age, number % 2, age, Decimal(age) / 8)
                for number in range(CREATOR_COUNT)
                for age in range(DAY_COUNT)
            ],
        )


def contents(connection: psycopg.Connection[Row]) -> dict[str, list[Row]]:
    """Return the original's columns of every row."""
    return {
        table: connection.execute(f"select {columns} from {table} order by 1".encode()).fetchall()
        for table, columns in ORIGINAL_COLUMNS.items()
    }


def test_second_setup_changes_nothing(database: psycopg.Connection[Row]) -> None:
    set_up(database)
    catalog = database.execute(CATALOG).fetchall()
    set_up(database)
    assert database.execute(CATALOG).fetchall() == catalog
    assert [name for kind, name, comment, *_ in catalog if kind == "comment" and comment is None] == []
    assert database.execute("select version from comet_schema").fetchall() == [(10,)]
    Facts(database).land_page(Video())
    Facts(database).run()
    assert database.execute("select follower_count from creator_stats").fetchall() == [(20_000,)]


def test_setup_keeps_the_rows_of_a_database_in_use(database: psycopg.Connection[Row]) -> None:
    set_up(database)
    facts = Facts(database)
    facts.land_page(Video(), Video("72", "v2"))
    facts.run()
    facts.observe(25_000, day(1))
    facts.run(day(1))
    before = everything(database)
    set_up(database)
    assert everything(database) == before


VERSION_8 = """
alter view comet_run_readings rename to comet_run_sightings;
alter view comet_run_profiles rename to comet_run_readings;
alter view comet_landed_readings rename to comet_sightings;
alter view comet_video_readings rename to comet_video_sightings;
alter view comet_key_migrations rename to comet_moves;
alter table comet_quality_checks rename column check_name to gate;
alter table comet_quality_checks rename column measured_value to figure;
alter table comet_quality_checks rename column is_failed to is_tripped;
alter table comet_quality_checks rename column message to sentence;
alter table comet_quality_checks rename to comet_gates;
alter table comet_calls rename column run_attempt to clear_number;
alter table comet_skipped_calls rename column run_attempt to clear_number;
alter table comet_skipped_calls rename to comet_refusals;
alter table comet_rate_limits rename column blocked_until to held_until;
alter table comet_rate_limits rename to comet_pace;
alter table comet_searches rename column attempt_number to round_number;
alter table comet_searches rename column is_discarded to is_refused;
alter table comet_pages rename column attempt_number to round_number;
alter table comet_profiles rename column is_discarded to is_refused;
alter table comet_erased_ids rename column erased_at to forgotten_at;
alter index comet_erased_ids_run_id_idx rename to comet_forgotten_run_id_idx;
alter table comet_erased_ids rename to comet_forgotten;
alter index comet_notifications_user_id_idx rename to comet_notices_user_id_idx;
alter table comet_notifications rename to comet_notices;
alter table comet_runs drop column min_video_likes cascade;
update comet_schema set version = 8;
"""
"""Renames the tables of this version to those of version 8, which differ in names only."""


def test_version_8_is_upgraded_in_place(database: psycopg.Connection[Row]) -> None:
    set_up(database)
    facts = Facts(database)
    facts.land_page(Video(), Video("72", "v2"))
    facts.run()
    database.execute("insert into comet_quality_checks values ('run 1', 'search.items_without_id', 0, 0.5, false, '')")
    catalog, before = database.execute(CATALOG).fetchall(), everything(database)
    database.execute(VERSION_8.encode())
    set_up(database)
    assert (database.execute(CATALOG).fetchall(), everything(database)) == (catalog, before)


@pytest.mark.parametrize("sign", ["create table comet_observations ()", "update comet_schema set version = 7"])
def test_unreleased_version_is_rejected_unchanged(database: psycopg.Connection[Row], sign: LiteralString) -> None:
    set_up(database)
    database.execute(sign)
    catalog = database.execute(CATALOG).fetchall()
    with pytest.raises(psycopg.errors.RaiseException, match="before the first release"):
        set_up(database)
    database.execute("rollback")
    assert database.execute(CATALOG).fetchall() == catalog


def test_parallel_setups(url: str) -> None:
    def run(_: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            set_up(connection)

    with ThreadPoolExecutor() as pool:
        list(pool.map(run, range(4)))
    with psycopg.connect(url) as connection:
        assert connection.execute("select version from comet_schema").fetchall() == [(10,)]


def test_schema_of_the_connection_is_used(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create schema scouts; set search_path to scouts")
        set_up(connection)
        set_up(connection)
        Facts(connection).run()
        assert connection.execute("select count(*) from scouts.comet_runs").fetchall() == [(1,)]


class TestUpgrade:
    def test_keeps_every_row(self, database: psycopg.Connection[Row]) -> None:
        make_original(database)
        before = contents(database)
        assert len(before["creator_stats"]) == CREATOR_COUNT * DAY_COUNT
        database.execute("set timezone to 'America/New_York'")
        set_up(database)
        assert contents(database) == before
        assert database.execute(
            "select last_updated_at, handle_observed_at, signature_observed_at, avatar_url_observed_at, tracked_since "
            "from creators where handle = 'handle 7'"
        ).fetchall() == [(*[datetime(2026, 2, 21, 0, 0, 6, 123456, tzinfo=UTC)] * 3, None, None)]
        assert database.execute("select distinct basis, counted_at, gap_days from creator_stats").fetchall() == [
            ("observed", None, None)
        ]
        assert database.execute("select recorded_date, is_run from comet_dates order by 1").fetchall() == [
            (day(age - DAY_COUNT), False) for age in range(DAY_COUNT)
        ]
        catalog, rows = database.execute(CATALOG).fetchall(), everything(database)
        set_up(database)
        assert database.execute(CATALOG).fetchall() == catalog
        assert everything(database) == rows

    def test_has_the_columns_of_a_new_database(
        self, database: psycopg.Connection[Row], new_database: Callable[[], str]
    ) -> None:
        make_original(database)
        set_up(database)
        columns = """
            select table_name, column_name, data_type
            from information_schema.columns
            where table_schema = 'public'
            order by 1, 2
        """
        with psycopg.connect(new_database(), autocommit=True) as fresh:
            set_up(fresh)
            assert database.execute(columns).fetchall() == fresh.execute(columns).fetchall()

    def test_widens_types(self, database: psycopg.Connection[Row]) -> None:
        make_original(database)
        set_up(database)
        long_id = "x" * 76
        database.execute("insert into creators (user_id) values (%s)", [long_id])
        database.execute("select setval(pg_get_serial_sequence('creator_stats', 'id'), %s)", [2**40])
        database.execute(
            """
            insert into creator_stats (
                user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers,
                daily_growth_percent, basis
            )
            values (%s, %s, %s, %s, %s, %s, %s, 'observed')
            """,
            [long_id, DAY, *[2**40] * 4, Decimal("123456789.12")],
        )
        assert database.execute(
            "select id, daily_growth_percent from creator_stats where user_id = %s", [long_id]
        ).fetchall() == [(2**40 + 1, Decimal("123456789.12"))]

    def test_allows_null_for_unknown_values(self, database: psycopg.Connection[Row]) -> None:
        make_original(database)
        set_up(database)
        database.execute("insert into creators (user_id) values ('71')")
        database.execute("insert into creator_stats (user_id, recorded_date, basis) values ('71', %s, 'late')", [DAY])
        assert database.execute(
            "select handle, last_updated_at, follower_count, heart_count, daily_growth_percent "
            "from creators inner join creator_stats using (user_id) where user_id = '71'"
        ).fetchall() == [(None,) * 5]

    def test_growth_of_the_first_run_starts_from_the_last_original_row(self, database: psycopg.Connection[Row]) -> None:
        make_original(database)
        before = contents(database)["creator_stats"]
        set_up(database)
        user_id = f"{20:040}"
        facts = Facts(database)
        facts.land_page(Video(user_id, handle="renamed", follower_count=20_109), recorded_date=day(1))
        facts.run(day(1))
        assert facts.rows(
            "select recorded_date, follower_count, gap_days, daily_growth_followers, daily_growth_percent "
            "from creator_stats where user_id = %s order by 1 desc limit 1",
            user_id,
        ) == [(day(1), 20_109, 2, 50, Decimal("0.25"))]
        assert facts.rows("select handle, tracked_since from creators where user_id = %s", user_id) == [
            ("renamed", None)
        ]
        assert [handle for (handle,) in facts.rows("select handle from comet_handles where user_id = %s", user_id)] == [
            "handle 20",
            "renamed",
        ]
        assert contents(database)["creator_stats"][: len(before)] == before

    def test_rows_of_missing_creators_are_kept(self, database: psycopg.Connection[Row]) -> None:
        make_original(database)
        database.execute("alter table creator_stats drop constraint creator_stats_user_id_fkey")
        database.execute("delete from creators where user_id < %s", [f"{5:040}"])
        before = contents(database)["creator_stats"]
        set_up(database)
        assert contents(database)["creator_stats"] == before
        assert database.execute(
            "select count(*), min(tracked_since) from creators where handle is null"
        ).fetchall() == [(5, None)]

    def test_rows_without_creator_or_date_are_kept(self, database: psycopg.Connection[Row]) -> None:
        make_original(database)
        database.execute("alter table creator_stats alter column recorded_date drop not null")
        database.execute("insert into creator_stats (user_id, follower_count) values (null, 5)")
        database.execute(
            "insert into creator_stats (user_id, recorded_date, follower_count) values (%s, null, 6)", [f"{20:040}"]
        )
        before = contents(database)["creator_stats"]
        set_up(database)
        set_up(database)
        assert contents(database)["creator_stats"] == before
        Facts(database).run()
        assert contents(database)["creator_stats"] == before

    def test_creators_without_rows_or_instant_are_kept(self, database: psycopg.Connection[Row]) -> None:
        make_original(database)
        database.execute("insert into creators values ('a', 'a', null, null, null, '2026-02-03 04:05:06')")
        database.execute("insert into creators values ('b', 'b', 'B', 'b.jpg', 'I am b', null)")
        set_up(database)
        facts = Facts(database)
        facts.land_page(
            Video("a", handle="a2", follower_count=5),
            Video("b", handle="b2", nickname="B2", avatar_url="b2.jpg", signature="I am b2", follower_count=6),
        )
        facts.run()
        assert facts.rows(
            "select user_id, handle, nickname, avatar_url, signature, tracked_since "
            "from creators where user_id in ('a', 'b') order by 1"
        ) == [
            ("a", "a2", None, None, None, None),
            ("b", "b2", "B2", "b2.jpg", "I am b2", None),
        ]
        assert facts.rows("select follower_count from creator_stats where user_id = 'b'") == [(6,)]

    def test_odd_rows_are_kept_unchanged(self, url: str, database: psycopg.Connection[Row]) -> None:
        database.execute(ORIGINAL_SCHEMA.encode())
        database.execute(ODD_ROWS.encode())
        before = contents(database)
        assert (len(before["creators"]), len(before["creator_stats"])) == (300, 18_000)
        for _ in range(2):
            subprocess.run(
                [find_binaries() / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", SCHEMA_FILE, url],
                check=True,
                capture_output=True,
            )
        set_up(database)
        assert contents(database) == before

        facts = Facts(database)
        for number in (-30, 0, 1):
            facts.land_page(
                Video("1000", handle="found again", follower_count=50_000),
                Video("71", "v2", sec_uid="MS4wLjABAAAA3", follower_count=50_000),
                recorded_date=day(number),
                observed_at=noon(day(max(0, number))),
            )
            facts.run(day(number))
        rows = {row for row in contents(database)["creator_stats"] if row[1] not in ("1000", "71")}
        estimated = set(facts.rows("select id from creator_stats where basis <> 'observed'"))
        assert {row for row in before["creator_stats"] if row[1] not in ("1000", "MS4wLjABAAAA3")} == {
            row for row in rows if (row[0],) not in estimated
        }
        assert facts.rows("select user_id from creators where user_id = 'MS4wLjABAAAA3'") == []
        assert facts.rows(
            "select recorded_date - %s, follower_count, gap_days, daily_growth_followers from creator_stats "
            "where user_id = '71' order by 1 desc limit 3",
            DAY,
        ) == [(1, 50_000, 1, 0), (0, 50_000, 2, 14_956), (-1, 0, None, 12)]
        assert facts.rows("select count(*) from creators where not is_identified") == [(8,)]

    @pytest.mark.parametrize("options", [[], ["-v", "ON_ERROR_STOP=1"]], ids=["plain psql", "psql that stops"])
    def test_dependent_view_leaves_the_database_unchanged(
        self, url: str, database: psycopg.Connection[Row], options: list[str]
    ) -> None:
        make_original(database)
        database.execute("create view growing as select handle, daily_growth_percent from creators, creator_stats")
        catalog, rows = database.execute(CATALOG).fetchall(), everything(database)
        result = subprocess.run(
            [find_binaries() / "psql", "-X", "-q", *options, "-f", SCHEMA_FILE, url],
            check=False,
            capture_output=True,
            text=True,
        )
        assert "cannot alter type of a column used by a view" in result.stderr
        assert database.execute(CATALOG).fetchall() == catalog
        assert everything(database) == rows


def test_results_of_hashtags_move_out_of_the_reports_of_version_9(database: psycopg.Connection[Row]) -> None:
    set_up(database)
    Facts(database).run(run_id="a run")
    database.execute(
        """
        update comet_schema set version = 9;
        update comet_runs set report = '{"call_count": 3, "hashtags": [{"hashtag": "a", "video_count": 1,
            "tagged_count": 2, "comet_count": 9, "new_comet_count": 3, "new_tagged_comet_count": 4, "call_count": 5,
            "billed_count": 6}]}'
        """
    )
    for _ in range(2):
        set_up(database)
        assert database.execute("select * from comet_hashtag_results").fetchall() == [("a run", "a", 1, 2, 3, 4, 5, 6)]
        assert database.execute("select report from comet_runs").fetchall() == [({"call_count": 3},)]
