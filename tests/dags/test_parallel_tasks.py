"""Ten mapped tasks at the same time, on a TikHub that allows no more calls than the pace that is set."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from comets.hooks.tikhub import TikHubHook
from comets.operators.accept_run import AcceptRunOperator
from comets.operators.extract_videos import ExtractVideosOperator
from comets.settings import settings
from include.sandbox.client import SandboxClient
from tests.unit.test_run import PARAMS

RATE = 5
HASHTAGS = [f"hashtag{number}" for number in range(10)]
INSTANT = datetime.fromisoformat("2026-03-01T02:00:00+00:00")


@pytest.fixture
def paced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings with a pace."""
    monkeypatch.setenv("COMETS_REQUESTS_PER_SECOND", str(RATE))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("paced", "tikhub_connection")
def test_ten_tasks_keep_the_pace_together_and_are_never_told_to_call_less_often(
    comets_connection: str, sandbox: SandboxClient
) -> None:
    sandbox.set_clock(INSTANT)
    # What a process and the sandbox do only once would let the first call arrive much later than it left.
    for hashtag in HASHTAGS:
        TikHubHook().search_videos(keyword=hashtag, offset=0, count=5, publish_time=0, region="US")
    sandbox.clear_calls()
    sandbox.set_rate_limit(RATE)
    dag_run = SimpleNamespace(run_id="run", logical_date=INSTANT, run_after=INSTANT, clear_number=0)
    params = {**PARAMS, "hashtags": HASHTAGS, "pages_per_hashtag": 2, "page_size": 5}
    context: Any = {"dag_run": dag_run, "params": params}
    AcceptRunOperator(task_id="accept").execute(context)
    tasks = [ExtractVideosOperator(task_id="extract", hashtags=[hashtag]) for hashtag in HASHTAGS]
    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(lambda task: task.execute(context), tasks))

    assert [result["page_count"] for result in results] == [2] * 10
    calls = sandbox.calls()
    assert len(calls) >= 20
    assert {call["status"] for call in calls} == {200}
    with psycopg.connect(comets_connection) as connection:
        started = connection.execute("select route, started_at from comet_calls order by 1, 2").fetchall()
    assert len(started) == len(calls)
    gaps = [later - earlier for (route, earlier), (same, later) in pairwise(started) if route == same]
    assert min(gaps) >= timedelta(seconds=1 / RATE)
