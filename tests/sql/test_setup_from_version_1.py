"""setup_database.sql on a database that its own first version has made, before there was a roll call."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.sql.builders import DAY, Facts, Profile, Row, Video, day, everything
from tests.sql.test_setup import CATALOG, set_up

TO_VERSION_1 = """
    drop view comet_run_answers, comet_run_sightings, comet_run_readings, comet_checked_dates;
    drop view comet_score_parts, comet_creator_metrics, comet_creator_samples, comet_video_metrics;
    drop view comet_video_sightings, comet_published_dates;
    drop table comet_roll_call, comet_gates, comet_refusals, comet_pace, comet_forgotten, comet_salt;
    drop table comet_run_reports, comet_run_hashtags, comet_notices;
    drop table comet_scores, comet_score_dates, comet_stale_scores, comet_counted_pages;
    drop index creator_stats_recorded_date_idx;
    alter table comet_calls drop column started_at, drop column duration_ms;
    alter table comet_rejected_items alter column raw_json set not null;
    drop index comet_profiles_unread_idx, comet_profiles_asked_id_idx, comet_calls_in_flight_idx;
    alter table creators drop column status, disable row level security;
    alter table creator_stats alter column basis drop default, disable row level security;
    alter table comet_calls disable row level security;
    alter table comet_discoveries drop column max_followers;
    alter table comet_searches drop column is_refused;
    alter table comet_pages drop column is_trimmed;
    alter table comet_profiles
        drop column asked_id,
        drop column is_refused,
        drop constraint comet_profiles_outcome_check,
        add constraint comet_profiles_outcome_check check (outcome in ('found', 'no_account'));
    update comet_schema set version = 1;
"""
NEW_COLUMNS = frozenset(
    {
        ("creators", "status"),
        ("comet_profiles", "asked_id"),
        ("comet_profiles", "is_refused"),
        ("comet_searches", "is_refused"),
        ("comet_pages", "is_trimmed"),
        ("comet_discoveries", "max_followers"),
    }
)


@pytest.fixture
def database(new_database: Callable[[], str]) -> Iterator[psycopg.Connection[Row]]:
    """A connection to a database of version 1 with two days in it."""
    with psycopg.connect(new_database(), autocommit=True) as connection:
        set_up(connection)
        facts = Facts(connection)
        facts.land_page(Video("71", "v1"), Video("72", "v2", follower_count=120_000))
        facts.run(max_followers=90_000)
        facts.run(max_followers=150_000)
        facts.land_page(Video("71", "v1", follower_count=21_000), recorded_date=day(1))
        facts.observe(22_000, day(1))
        facts.land_profile(Profile("72", outcome="no_account"), day(1))
        facts.run(day(1))
        connection.execute("delete from comet_runs where recorded_date = %s", [day(1)])
        connection.execute(TO_VERSION_1)
        yield connection


def test_it_gets_the_catalog_of_a_fresh_database(
    database: psycopg.Connection[Row], new_database: Callable[[], str]
) -> None:
    with psycopg.connect(new_database(), autocommit=True) as fresh:
        set_up(fresh)
        catalog = fresh.execute(CATALOG).fetchall()
    assert database.execute(CATALOG).fetchall() != catalog
    set_up(database)
    assert database.execute(CATALOG).fetchall() == catalog
    assert database.execute("select version from comet_schema").fetchall() == [(4,)]


def test_rows_keep_all_that_they_had(database: psycopg.Connection[Row]) -> None:
    before = contents(database)
    set_up(database)
    assert contents(database, NEW_COLUMNS) == before


def test_rows_get_what_the_new_columns_would_have_held(database: psycopg.Connection[Row]) -> None:
    set_up(database)
    assert database.execute("select user_id, status from creators order by 1").fetchall() == [
        ("71", "tracked"),
        ("72", "tracked"),
    ]
    assert database.execute("select asked_id, user_id, outcome from comet_profiles order by 1").fetchall() == [
        ("71", "71", "found"),
        ("72", "72", "no_account"),
    ]
    assert database.execute(
        "select recorded_date, user_id, max_followers from comet_discoveries order by 1, 2"
    ).fetchall() == [(DAY, "71", 150_000), (DAY, "72", 150_000), (day(1), "71", 21_000)]
    assert database.execute("select recorded_date from comet_stale_scores order by 1").fetchall() == [(DAY,), (day(1),)]


def test_twice_changes_nothing_more(database: psycopg.Connection[Row]) -> None:
    set_up(database)
    catalog, before = database.execute(CATALOG).fetchall(), everything(database)
    set_up(database)
    assert database.execute(CATALOG).fetchall() == catalog
    assert everything(database) == before


def test_runs_go_on(database: psycopg.Connection[Row]) -> None:
    set_up(database)
    facts = Facts(database)
    facts.observe(30_000, day(2))
    facts.land_profile(Profile("72", outcome="refused"), day(2))
    facts.run(day(2), run_id="the first run of version 2")
    assert facts.rows(
        "select user_id, follower_count, daily_growth_followers from creator_stats where gap_days = 1"
    ) == [
        ("71", 22_000, 2_000),
        ("71", 30_000, 8_000),
    ]
    assert facts.rows("select recorded_date, creator_count from comet_score_dates order by 1") == [
        (DAY, 2),
        (day(1), 1),
        (day(2), 1),
    ]


def contents(connection: psycopg.Connection[Row], but: frozenset[tuple[str, str]] = frozenset()) -> list[str]:
    """All rows as text, in order, without some columns of some tables."""
    rows = [(table, json.loads(row)) for table, row, _ in everything(connection) if table != "comet_stale_scores"]
    return sorted(
        f"{table} {[(name, value) for name, value in row.items() if (table, name) not in but]}" for table, row in rows
    )
