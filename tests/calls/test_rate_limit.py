"""The pace of TikHub's routes as parallel workers on one real PostgreSQL get it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from comets.calls.rate_limit import HEADROOM, RouteRateLimit, calls_within, min_interval
from comets.database.client import Database
from comets.errors import TikHubRateLimitError
from comets.settings import DEFAULT_SETTINGS_FILE, Pace, Retries, load_settings
from include.sandbox.control import RateLimiter

ROUTE = "/api/search"


@contextmanager
def worker(url: str, rate: float = 50) -> Iterator[RouteRateLimit]:
    """A worker's pace, on a connection of its own."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        yield RouteRateLimit(Database(connection), Pace(requests_per_second=rate), Retries(max_delay_seconds=60))


def clock(url: str) -> datetime:
    """The time of the database's server."""
    with psycopg.connect(url) as connection:
        ((now,),) = connection.execute("select clock_timestamp()").fetchall()
    assert isinstance(now, datetime)
    return now


def blocked_until(url: str) -> datetime | None:
    """Until when the route is held back."""
    with psycopg.connect(url) as connection:
        ((until,),) = connection.execute("select blocked_until from comet_rate_limits").fetchall()
    assert until is None or isinstance(until, datetime)
    return until


def reserve(url: str, slot_at: datetime) -> int:
    """A call that waits for its moment."""
    with psycopg.connect(url) as connection:
        ((call_id,),) = connection.execute(
            "insert into comet_calls (run_id, run_attempt, route, reserved_at, started_at)"
            " values ('run', 0, %s, now(), %s) returning call_id",
            [ROUTE, slot_at],
        ).fetchall()
    return int(call_id)


def test_parallel_workers_get_moments_that_keep_the_rate_on_each_route(database_url: str) -> None:
    routes = (ROUTE, "/api/profile")

    def take(number: int) -> list[tuple[str, datetime]]:
        with worker(database_url, 50) as pace:
            return [(route, pace.reserve_slot(route).slot_at) for route in routes for _ in range(10 + number % 2)]

    with ThreadPoolExecutor(12) as pool:
        taken = [moment for moments in pool.map(take, range(12)) for moment in moments]
    for route in routes:
        moments = sorted(slot_at for of_route, slot_at in taken if of_route == route)
        assert len(moments) == 126
        assert min(later - earlier for earlier, later in pairwise(moments)) >= timedelta(seconds=1 / 50)


def test_a_route_does_not_wait_for_another_one(database_url: str) -> None:
    with worker(database_url, 0.01) as pace:
        for _ in range(3):
            waited = pace.reserve_slot(ROUTE).wait_seconds
        assert waited > 200
        assert pace.reserve_slot("/api/profile").wait_seconds == 0


def test_another_rate_holds_at_once(database_url: str) -> None:
    with worker(database_url, 0.01) as slow, worker(database_url, 1000) as fast:
        first = slow.reserve_slot(ROUTE)
        second = fast.reserve_slot(ROUTE)
        third = slow.reserve_slot(ROUTE)
    assert first.wait_seconds == 0
    assert second.wait_seconds < 0.01
    assert third.slot_at - second.slot_at == min_interval(0.01)


def test_a_moment_of_a_process_that_died_costs_one_pause_and_an_undone_one_nothing(database_url: str) -> None:
    with worker(database_url, 0.01) as pace:
        first = pace.reserve_slot(ROUTE)
        with psycopg.connect(database_url, row_factory=dict_row) as connection:
            RouteRateLimit(Database(connection), Pace(requests_per_second=0.01), Retries()).reserve_slot(ROUTE)
            connection.rollback()
        with worker(database_url, 0.01) as dying:
            dying.reserve_slot(ROUTE)
        assert pace.reserve_slot(ROUTE).slot_at - first.slot_at == 2 * min_interval(0.01)


@pytest.mark.parametrize(("asked", "held"), [(5, 5), (500, 60), (0, 0), (None, 10)])
def test_too_many_requests_hold_the_whole_route_back_for_what_tikhub_asks_within_reason(
    database_url: str, asked: float | None, held: float
) -> None:
    with worker(database_url) as unlucky, worker(database_url) as sibling:
        unlucky.reserve_slot(ROUTE)
        before = clock(database_url)
        unlucky.block_route(ROUTE, TikHubRateLimitError("wait", route=ROUTE, retry_after=asked))
        until = blocked_until(database_url)
        assert until is not None
        assert before <= until - timedelta(seconds=held) <= clock(database_url)
        assert sibling.reserve_slot(ROUTE).slot_at >= until


def test_a_call_that_already_has_its_moment_gets_a_later_one_when_the_route_is_held_back(database_url: str) -> None:
    with worker(database_url) as pace:
        calls = [reserve(database_url, pace.reserve_slot(ROUTE).slot_at) for _ in range(3)]
        assert [pace.recheck_slot(call) for call in calls] == [0, 0, 0]
        pace.block_route(ROUTE, TikHubRateLimitError("wait", route=ROUTE, retry_after=30))
        waits = [pace.recheck_slot(call) for call in calls]
        assert all(wait > 0 for wait in waits)
        assert [pace.recheck_slot(call) for call in calls] == [0, 0, 0]
        with psycopg.connect(database_url) as connection:
            moments = [row[0] for row in connection.execute("select started_at from comet_calls order by call_id")]
        assert moments[0] == blocked_until(database_url)
        assert [later - earlier for earlier, later in pairwise(moments)] == [min_interval(50)] * 2


def test_a_call_that_missed_its_moment_gets_the_one_after_all_that_are_given_away(database_url: str) -> None:
    with worker(database_url, 0.01) as pace:
        late = reserve(database_url, pace.reserve_slot(ROUTE).slot_at)
        last = pace.reserve_slot(ROUTE)
        assert pace.reschedule_slot(late) > last.wait_seconds
        with psycopg.connect(database_url) as connection:
            ((moment,),) = connection.execute("select started_at from comet_calls").fetchall()
        assert moment - last.slot_at == min_interval(0.01)


def test_of_several_holds_the_longest_lasts(database_url: str) -> None:
    with worker(database_url) as pace:
        pace.reserve_slot(ROUTE)
        pace.block_route(ROUTE, TikHubRateLimitError("wait", route=ROUTE, retry_after=50))
        longest = blocked_until(database_url)
        pace.block_route(ROUTE, TikHubRateLimitError("wait", route=ROUTE, retry_after=1))
        assert blocked_until(database_url) == longest


@settings(max_examples=50)
@given(rate=st.integers(1, 20), lateness=st.lists(st.floats(0, 0.99 * (HEADROOM - 1)), min_size=60, max_size=60))
def test_a_server_that_counts_strictly_refuses_none_whose_way_takes_a_tenth_of_a_second_more_or_less(
    rate: int, lateness: list[float]
) -> None:
    moments = [place * min_interval(rate).total_seconds() for place in range(60)]
    arrivals = sorted(moment + late for moment, late in zip(moments, lateness, strict=True))
    assert all(admitted(rate, arrivals))


def test_a_server_that_counts_strictly_refuses_a_call_that_follows_a_much_later_one() -> None:
    assert admitted(1, [0.2, min_interval(1).total_seconds()]) == [True, False]


def admitted(rate: int, arrivals: list[float]) -> list[bool]:
    """Which calls the sandbox's limiter admits, of those that arrive at these seconds."""
    now = [0.0]
    limiter = RateLimiter(rate, lambda: now[0])
    answers = []
    for now[0] in arrivals:
        answers.append(limiter.admits(ROUTE))
    return answers


@pytest.mark.parametrize(("rate", "count"), [(1, 204), (0.1, 20), (0.01, 2)])
def test_a_task_is_given_no_more_calls_than_it_can_make_in_its_time(rate: float, count: int) -> None:
    project = load_settings(DEFAULT_SETTINGS_FILE)
    slow = project.model_copy(update={"pace": Pace(requests_per_second=rate)})
    assert calls_within(timedelta(minutes=15), slow) == count
