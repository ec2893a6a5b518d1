"""Error and empty states say what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from include.stack.postgres import EmbeddedPostgres
from tests.conftest import postgres_connection
from tests.page.conftest import Site, url_of
from tests.steps.builders import Row

Connect = Callable[[str], Site]

PAGES = ("", "creators/101", "hashtags", "runs", "latest")


def check(site: Site, *words: str) -> None:
    """Assert that pages and exports answer 503 with these words and no internals."""
    for path in (*PAGES, "leaderboard.csv"):
        answer = site.get(path)
        assert answer.status_code == 503, path
        for word in words:
            assert word in answer.text, path
        assert "Traceback" not in answer.text
        assert "psycopg" not in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
    assert site.get("runs.json").json()["detail"]


def test_unreachable_database(connect_to: Connect) -> None:
    unreachable = {
        "conn_type": "postgres",
        "host": "127.0.0.1",
        "port": 9,
        "login": "me",
        "password": "geheim",
        "schema": "x",
    }
    site = connect_to(json.dumps(unreachable))
    check(site, "reach the database", "comets_db")
    assert "geheim" not in site.get("").text


def test_undefined_connection(connect_to: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    site = connect_to("{}")
    monkeypatch.delenv("AIRFLOW_CONN_COMETS_DB")
    check(site, "not configured", "comets_db")


def test_rejected_login(connect_to: Connect, database: psycopg.Connection[Row]) -> None:
    check(connect_to(url_of(database, user="no_such_role")), "rejected the login", "comets_db")


def test_database_without_tables(connect_to: Connect, new_database: Callable[[], str]) -> None:
    check(connect_to(postgres_connection(new_database())), "not set up", "include/sql/setup_database.sql")


def test_tables_of_another_version(connect_to: Connect, database: psycopg.Connection[Row]) -> None:
    database.execute("update comet_schema set version = 9")
    check(connect_to(url_of(database)), "not set up for this version", "include/sql/setup_database.sql")
    database.execute("update comet_schema set version = 99")
    check(connect_to(url_of(database)), "set up for a newer version", "restore the backup")


def test_role_without_permissions(
    connect_to: Connect, database: psycopg.Connection[Row], postgres: EmbeddedPostgres
) -> None:
    role = f"reader {uuid4().hex[:8]}"
    database.execute(sql.SQL("create role {} login").format(sql.Identifier(role)))
    try:
        check(connect_to(url_of(database, user=role)), "lacks a permission", "include/sql/grant_role.sql")
    finally:
        database.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def test_read_only_role_is_enough(connect_to: Connect, database: psycopg.Connection[Row]) -> None:
    role = sql.Identifier(f"reader {uuid4().hex[:8]}")
    database.execute(sql.SQL("create role {} login bypassrls").format(role))
    database.execute(sql.SQL("grant select on all tables in schema public to {}").format(role))
    try:
        site = connect_to(url_of(database, user=role.as_string().strip('"')))
        for path in PAGES:
            assert site.get(path).status_code == 200, path
    finally:
        database.execute(sql.SQL("drop owned by {0}; drop role {0}").format(role).as_string().encode())


def test_storage_failure(connect_to: Connect, database: psycopg.Connection[Row]) -> None:
    database.execute(
        """
        alter table comet_dates rename to stored_dates;
        create function no_space() returns setof stored_dates language plpgsql as
        $$ begin raise exception 'could not write to file: No space left on device' using errcode = '53100'; end $$;
        create view comet_dates as select * from no_space();
        """
    )
    answer = connect_to(url_of(database)).get("")
    assert answer.status_code == 503
    assert "The database has a problem with its disk" in answer.text
    assert "Free space on it" in answer.text


def test_locked_table(connect_to: Connect, database: psycopg.Connection[Row]) -> None:
    site = connect_to(url_of(database))
    with database.transaction():
        database.execute("lock table comet_dates in access exclusive mode")
        answer = site.get("")
    assert answer.status_code == 503
    assert "took too long" in answer.text


def test_empty_database_says_what_to_do_first(connect_to: Connect, database_url: str) -> None:
    site = connect_to(postgres_connection(database_url))
    board = site.text()
    assert "The Dag comet_discovery has not run yet" in board
    assert 'href="/dags/comet_discovery"' in board
    assert "trigger" in site.text("hashtags")
    assert "No runs yet" in site.text("runs")
    assert "No runs yet" in site.text("latest")
    assert site.get("creators/101").status_code == 404
    assert site.get("leaderboard.json").json()["rows"] == []
    assert site.get("fastest").status_code == 303
    for path in ("leaderboard.csv", "hashtags.csv", "runs.csv"):
        assert site.get(path).text.count("\r\n") == 1


def test_runs_without_scores_have_their_own_text(connect_to: Connect, database: psycopg.Connection[Row]) -> None:
    database.execute("delete from comet_scores; update comet_dates set is_run = false")
    site = connect_to(url_of(database))
    assert "none has scored a date yet" in site.text()
    assert "was not scored" in site.text("creators/101")


def test_internal_error_shows_no_stack_trace(
    connect_to: Connect, database: psycopg.Connection[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = connect_to(url_of(database))
    monkeypatch.setattr("comets.page.runs.run_states", lambda run_ids: 1 / 0)
    answer = site.get("latest")
    assert answer.status_code == 500
    assert "Internal error" in answer.text
    assert "ZeroDivisionError" not in answer.text
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
