"""A flood of requests at the page leaves Airflow's health check fast and its runs at their speed (long profile)."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import psycopg
import pytest
import requests

from comets.settings import DAG_ID
from include.stack.environment import SANDBOX_DATABASE
from include.stack.project import SCHEMA_FILE
from tests.conftest import PROFILE_VARIABLE, PROJECT_FOLDER
from tests.stack.running_stack import RunningStack

MAX_HEALTH_SECONDS = 1
MAX_SLOWDOWN = 1.25
FLOOD_SECONDS = 60
ROUNDS = 2
RUNS = 4
FIRST_RUN = datetime(2026, 3, 1, 2, tzinfo=UTC)
SEED_FILE = Path(__file__).with_name("flood.sql")

pytestmark = pytest.mark.skipif(os.environ.get(PROFILE_VARIABLE) != "long", reason="takes four minutes")


@pytest.fixture(scope="module")
def full_stack(stack: RunningStack) -> RunningStack:
    """Return the stack with a year of large runs; the setup file fills the tables that are derived from reports."""
    stack.reset()
    with psycopg.connect(stack.creators.url(SANDBOX_DATABASE), autocommit=True) as connection:
        connection.execute(SEED_FILE.read_bytes())
        connection.execute(SCHEMA_FILE.read_bytes())
        connection.execute("analyze")
    return stack


def test_flood_slows_neither_the_health_check_nor_a_run(full_stack: RunningStack) -> None:
    # The first run after the start is slower.
    days = itertools.count()
    seconds_of_run(full_stack, next(days))
    calm: list[float] = []
    flooded: list[float] = []
    health: list[float] = []
    statuses: list[dict[str, int]] = []
    # Alternating, because the load of a machine changes.
    for _ in range(ROUNDS):
        calm += [seconds_of_run(full_stack, next(days)) for _ in range(RUNS)]
        with flood(full_stack, statuses), health_checks(full_stack, health):
            flooded += [seconds_of_run(full_stack, next(days)) for _ in range(RUNS)]
    slowdown = median(flooded) / median(calm)
    print(f"calm {calm}, flooded {flooded}, slowdown {slowdown:.2f}, health {max(health):.2f} s, {statuses}")
    assert max(health) < MAX_HEALTH_SECONDS
    assert slowdown < MAX_SLOWDOWN
    assert all(set(counts) <= {"200", "503"} and counts["200"] for counts in statuses)


def seconds_of_run(stack: RunningStack, day: int) -> float:
    """Return how long a run takes to succeed."""
    started_at = time.monotonic()
    run_id = stack.api.start(FIRST_RUN + timedelta(days=day), {"pages_per_hashtag": 2})
    state = stack.end_of(run_id)
    assert state == "success", {task.task_id: task.state for task in stack.api.tasks(DAG_ID, run_id)}
    return time.monotonic() - started_at


@contextmanager
def flood(stack: RunningStack, statuses: list[dict[str, int]]) -> Iterator[None]:
    """Flood the page for a minute from before the block on; add the number of responses by status."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.stack.page.flood", stack.api.url, str(FLOOD_SECONDS)],
        cwd=PROJECT_FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write(str(stack.api.client.configuration.access_token))
    process.stdin.close()
    process.stdin = None
    try:
        yield
        output, _ = process.communicate(timeout=FLOOD_SECONDS + 180)
        statuses.append(json.loads(output))
    finally:
        process.kill()
        process.wait()


@contextmanager
def health_checks(stack: RunningStack, seconds: list[float]) -> Iterator[None]:
    """Check Airflow's health once a second during the block; add the time of each check."""
    is_over = threading.Event()

    def check() -> None:
        while not is_over.wait(1):
            started_at = time.monotonic()
            requests.get(f"{stack.api.url}/api/v2/monitor/health", timeout=120).raise_for_status()
            seconds.append(time.monotonic() - started_at)

    thread = threading.Thread(target=check)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
