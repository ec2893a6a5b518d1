"""The page handles a few requests at a time, so that it can't stall the API that tasks call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
import requests

from comets.page.limits import MAX_ACTIVE
from include.stack.postgres import EmbeddedPostgres
from tests.conftest import copied_database, postgres_connection
from tests.page.conftest import Site
from tests.steps.builders import Row
from tests.websocket import upgrade

REQUESTS = 12


WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.fixture
def locked(
    postgres: EmbeddedPostgres, filled_template: str, connect_to: Callable[[str], Site]
) -> Iterator[tuple[Site, psycopg.Connection[Row]]]:
    """Yield the page on a database with a locked table, and the connection that holds the lock."""
    with copied_database(postgres, filled_template) as url, psycopg.connect(url) as connection:
        connection.execute("lock table comet_dates in access exclusive mode")
        yield connect_to(postgres_connection(url)), connection


def get_many(site: Site, count: int = REQUESTS) -> list[requests.Response]:
    """Request the leaderboard in parallel."""
    with ThreadPoolExecutor(count) as pool:
        return [*pool.map(lambda _: site.get("leaderboard.json?size=200"), range(count))]


def test_few_requests_run_at_once_and_the_others_are_rejected(locked: tuple[Site, psycopg.Connection[Row]]) -> None:
    site, lock = locked
    waiting = set()
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(get_many, site)
        while not answers.done():
            # A transaction sees the activity of its first look otherwise.
            lock.execute("select pg_stat_clear_snapshot()")
            waiting |= {row[0] for row in lock.execute(WAITING)}
    rejected = [answer for answer in answers.result() if "Retry-After" in answer.headers]
    timed_out = [answer for answer in answers.result() if "Retry-After" not in answer.headers]
    assert max(waiting) == MAX_ACTIVE
    assert {(answer.status_code, answer.json()["error"]) for answer in rejected} == {(503, "Too many requests")}
    assert {answer.json()["error"] for answer in timed_out} == {"The database took too long"}
    lock.rollback()
    assert {answer.status_code for answer in get_many(site, MAX_ACTIVE)} == {200}


def test_stalled_page_keeps_airflow_and_its_login_responsive(locked: tuple[Site, psycopg.Connection[Row]]) -> None:
    site, lock = locked
    with ThreadPoolExecutor(1) as pool:
        stalled = pool.submit(get_many, site)
        health = site.session.get(f"{site.url}/api/v2/monitor/health", timeout=30)
        anonymous = site.get("", user=None, Accept="*/*")
        assert not stalled.done()
        assert (health.status_code, anonymous.status_code) == (200, 401)
        lock.rollback()
        assert {answer.status_code for answer in stalled.result()} <= {200, 503}


def test_websocket_is_closed_without_a_stack_trace(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    cookie = f"_token={site.tokens['viewer']}"
    for path in ("/comets/", "/comets/latest", "/comets/nothing"):
        for headers in ({}, {"Cookie": cookie}):
            assert upgrade(site.url, path, **headers) == "HTTP/1.1 403 Forbidden"
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
