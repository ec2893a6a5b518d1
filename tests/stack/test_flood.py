"""A flood of requests at the page leaves the health check quick and runs nearly as fast as without it."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle
from statistics import median
from typing import Any

import psycopg
import pytest
import requests

from include.stack.airflow_api import read_login
from include.stack.environment import SANDBOX_DATABASE
from tests.conftest import PROFILE_VARIABLE, TEST_FOLDER
from tests.stack.running_stack import RunningStack, running_stack

pytestmark = pytest.mark.skipif(os.environ.get(PROFILE_VARIABLE) != "long", reason="takes minutes: long profile only")

CLIENTS = 50
ROUNDS = 3
MAX_SLOWDOWN = 1.25
MAX_HEALTH_SECONDS = 1.0
FIRST_DAY = datetime(2026, 3, 1, 2, tzinfo=UTC)
CONF: dict[str, Any] = {"pages_per_hashtag": 2}
PATHS = ("leaderboard.json?size=200&band=all", "hashtags?days=366", "runs.json?size=200", "?size=200", "hashtags.csv")
# A year of daily runs with 2,000 hashtags each, before the days that the test runs.
HISTORY = """
    insert into comet_runs
    select
        'past ' || number, date '2026-03-01' - number, 'UTC', tags.hashtags, 10000, 100000, 50000, 0, 5, 20, 0, 'US',
        20000, false, true, true, timestamptz '2026-03-01 02:00Z' - number * interval '1 day',
        '{"received_count": 60, "landed_count": 60, "rejected_count": 0, "comet_count": 5, "new_comet_count": 1,
          "call_count": 2000, "billed_count": 2000, "stop_reasons": []}'
    from generate_series(1, 365) as number
    cross join (select array_agg('tag' || tag) as hashtags from generate_series(1, 2000) as tag) as tags;
    insert into comet_hashtag_results
    select run_id, unnest(hashtags), 50, 40, 1, 1, 3, 3 from comet_runs;
    analyze;
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    """A stack with a year of runs."""
    with running_stack(TEST_FOLDER / "a flooded stack") as stack:
        with psycopg.connect(stack.creators.url(SANDBOX_DATABASE), autocommit=True) as connection:
            connection.execute(HISTORY.encode())
        stack.run(FIRST_DAY, CONF)
        yield stack


def token_of(stack: RunningStack) -> str:
    """Log in; return the token."""
    user, password = read_login(stack.environment.variables)
    answer = requests.post(f"{stack.api.url}/auth/token", json={"username": user, "password": password}, timeout=30)
    return str(answer.json()["access_token"])


@contextmanager
def flooded(url: str, token: str) -> Iterator[tuple[Counter[int], list[float]]]:
    """Send requests with all clients, each its next at once; yield their statuses and the times of the health check."""
    statuses: Counter[int] = Counter()
    health: list[float] = []
    ended = threading.Event()

    def request_pages(number: int) -> None:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {token}"
        paths = cycle([*PATHS[number % len(PATHS) :], *PATHS[: number % len(PATHS)]])
        while not ended.is_set():
            statuses[session.get(f"{url}/comets/{next(paths)}", timeout=60).status_code] += 1

    def check_health() -> None:
        session = requests.Session()
        while not ended.wait(0.2):
            begun = time.monotonic()
            session.get(f"{url}/api/v2/monitor/health", timeout=60).raise_for_status()
            health.append(time.monotonic() - begun)

    with ThreadPoolExecutor(CLIENTS + 1) as pool:
        work = [*(pool.submit(request_pages, number) for number in range(CLIENTS)), pool.submit(check_health)]
        try:
            yield statuses, health
        finally:
            ended.set()
            for done in work:
                done.result()


def seconds_of_run(stack: RunningStack, day_number: int) -> float:
    """Run a day; return the seconds."""
    begun = time.monotonic()
    stack.run(FIRST_DAY + timedelta(days=day_number), CONF)
    return time.monotonic() - begun


def test_flood_of_requests_slows_neither_health_nor_runs(stack: RunningStack) -> None:
    token = token_of(stack)
    calm, busy = [], []
    statuses: Counter[int] = Counter()
    health: list[float] = []
    # Interleaved, because the load of a machine changes.
    for round_number in range(ROUNDS):
        calm.append(seconds_of_run(stack, 1 + 2 * round_number))
        with flooded(stack.api.url, token) as (found, times):
            busy.append(seconds_of_run(stack, 2 + 2 * round_number))
        statuses += found
        health += times
    print(f"calm {calm}, busy {busy}, statuses {statuses}, slowest health check {max(health):.2f} s")
    assert set(statuses) <= {200, 503}
    assert statuses[200] > CLIENTS
    assert max(health) < MAX_HEALTH_SECONDS
    assert median(busy) / median(calm) <= MAX_SLOWDOWN
