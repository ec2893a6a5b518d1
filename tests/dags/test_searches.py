"""The operators of the first tasks: rejected runs, and how searches resume and stop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from comets.errors import DatabaseError, ParamsError, TikHubTransientError
from comets.operators.accept_run import AcceptRunOperator
from comets.operators.extract_videos import ExtractVideosOperator
from include.sandbox.client import SandboxClient
from tests.dags.worlds import PROFILE, SEARCH, run_context

Rows = Callable[..., list[dict[str, Any]]]

MARCH_1 = "2026-03-01T02:00:00+00:00"

pytestmark = pytest.mark.usefixtures("tikhub_connection", "comets_connection")


@pytest.fixture
def march(sandbox: SandboxClient) -> SandboxClient:
    sandbox.set_clock(MARCH_1)
    return sandbox


def accept(run_id: str = "run", instant: str = MARCH_1, **params: Any) -> Any:
    """Accept a run and return its context."""
    context = run_context(run_id, instant, **params)
    AcceptRunOperator(task_id="accept").execute(context)
    return context


def extract(context: Any, hashtag: str = "gymtok") -> None:
    """Search a hashtag."""
    ExtractVideosOperator(task_id="extract", hashtags=[hashtag]).execute(context)


def searches(sandbox: SandboxClient) -> list[tuple[int, int]]:
    """Return offset and count of each search."""
    return [(int(call["params"]["offset"]), int(call["params"]["count"])) for call in sandbox.calls(SEARCH)]


def test_future_date_is_rejected_before_any_call(rows: Rows) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(ParamsError, match=f"its logical date is {tomorrow.date()}, and today is"):
        accept(instant=tomorrow.isoformat())
    assert rows("select from comet_runs") == []


def test_missing_schema_names_the_setup_file(comets_connection: str) -> None:
    with psycopg.connect(comets_connection) as connection:
        connection.execute("drop table comet_schema")
    with pytest.raises(DatabaseError, match=r"include/sql/setup_database\.sql"):
        accept()


def test_second_run_of_a_date_resumes_a_failed_search(march: SandboxClient) -> None:
    march.set_faults({"route": SEARCH, "offset": 40, "fault": "status", "status": 500, "times": 1})
    with pytest.raises(TikHubTransientError):
        extract(accept("first", pages_per_hashtag=3))
    extract(accept("second", pages_per_hashtag=3))
    assert [offset for offset, _ in searches(march)] == [0, 20, 40, 40]


def test_cut_body_is_retried_with_smaller_pages(rows: Rows, march: SandboxClient) -> None:
    march.set_faults({"route": SEARCH, "count_over": 10, "fault": "cut_body"})
    extract(accept(pages_per_hashtag=2))
    assert searches(march) == [(0, 20), (0, 10), (10, 10), (20, 10), (30, 10)]
    [search] = rows("select stop_reason, next_offset from comet_searches")
    assert search == {"stop_reason": "page limit", "next_offset": 40}


@pytest.mark.parametrize("kind", ["repeated_page", "stuck_cursor", "empty_page"])
def test_endless_search_stops(rows: Rows, march: SandboxClient, kind: str) -> None:
    march.set_faults({"route": SEARCH, "offset": 20, "fault": kind})
    extract(accept())
    assert len(searches(march)) == 2
    [search] = rows("select stop_reason from comet_searches")
    assert search["stop_reason"] == kind.replace("_", " ")


def test_hidden_counts_are_fetched_once_and_only_for_possible_comets(rows: Rows, march: SandboxClient) -> None:
    march.set_faults({"route": SEARCH, "fault": "odd_items", "kinds": ["null_follower_count"] * 20})
    hashtags = ["gymtok", "cozygaming", "streetinterviews"]
    context = accept(hashtags=hashtags, pages_per_hashtag=2)
    for hashtag in hashtags:
        extract(context, hashtag)
    calls = [call["params"]["sec_user_id"] for call in march.calls(PROFILE)]
    assert len(calls) == len(set(calls)) > 10
    qualifying = rows("select distinct user_id from comet_videos where follower_count is null and play_count >= 50000")
    assert rows("select distinct user_id from comet_profiles order by 1") == sorted(
        qualifying, key=lambda row: str(row["user_id"])
    )
