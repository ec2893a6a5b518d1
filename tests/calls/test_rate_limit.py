"""The rate limit of TikHub's routes, with parallel workers on a real PostgreSQL."""

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
    """A worker's rate limit, on its own connection."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        yield RouteRateLimit(
            Database(connection), Pace(requests_per_second=rate), Retries(max_delay_seconds=60), slots=4
        )


def database_time(url: str) -> datetime:
    """Return the time of the database server."""
    with psycopg.connect(url) as connection:
        ((now,),) = connection.execute("select clock_timestamp()").fetchall()
    assert isinstance(now, datetime)
    return now


def block_end(url: str) -> datetime | None:
    """Return when the block of the route ends."""
    with psycopg.connect(url) as connection:
        ((blocked_until,),) = connection.execute("select blocked_until from comet_rate_limits").fetchall()
    assert blocked_until is None or isinstance(blocked_until, datetime)
    return blocked_until


def insert_call(url: str, slot_at: datetime) -> int:
    """Insert a call that waits for its slot and return its id."""
    with psycopg.connect(url) as connection:
        ((call_id,),) = connection.execute(
            "insert into comet_calls (run_id, run_attempt, route, reserved_at, started_at)"
            " values ('run', 0, %s, now(), %s) returning call_id",
            [ROUTE, slot_at],
        ).fetchall()
    return int(call_id)


def test_parallel_workers_keep_the_rate_of_each_route(database_url: str) -> None:
    routes = (ROUTE, "/api/profile")

    def reserve_slots(number: int) -> list[tuple[str, datetime]]:
        with worker(database_url, 50) as rate_limit:
            return [(route, rate_limit.reserve_slot(route).slot_at) for route in routes for _ in range(10 + number % 2)]

    with ThreadPoolExecutor(12) as pool:
        reserved = [slot for slots in pool.map(reserve_slots, range(12)) for slot in slots]
    for route in routes:
        slots = sorted(slot_at for slot_route, slot_at in reserved if slot_route == route)
        assert len(slots) == 126
        assert min(later - earlier for earlier, later in pairwise(slots)) >= timedelta(seconds=1 / 50)


def test_routes_have_separate_slots(database_url: str) -> None:
    with worker(database_url, 0.01) as rate_limit:
        for _ in range(3):
            wait_seconds = rate_limit.reserve_slot(ROUTE).wait_seconds
        assert wait_seconds > 200
        assert rate_limit.reserve_slot("/api/profile").wait_seconds == 0


def test_changed_rate_applies_to_the_next_slot(database_url: str) -> None:
    with worker(database_url, 0.01) as slow, worker(database_url, 1000) as fast:
        first = slow.reserve_slot(ROUTE)
        second = fast.reserve_slot(ROUTE)
        third = slow.reserve_slot(ROUTE)
    assert first.wait_seconds == 0
    assert second.wait_seconds < 0.01
    assert third.slot_at - second.slot_at == min_interval(0.01)


def test_lost_slot_costs_one_interval_and_rolled_back_slot_none(database_url: str) -> None:
    with worker(database_url, 0.01) as rate_limit:
        first = rate_limit.reserve_slot(ROUTE)
        with psycopg.connect(database_url, row_factory=dict_row) as connection:
            RouteRateLimit(Database(connection), Pace(requests_per_second=0.01), Retries(), slots=4).reserve_slot(ROUTE)
            connection.rollback()
        with worker(database_url, 0.01) as dead:
            dead.reserve_slot(ROUTE)
        assert rate_limit.reserve_slot(ROUTE).slot_at - first.slot_at == 2 * min_interval(0.01)


@pytest.mark.parametrize(("retry_after", "block_seconds"), [(5, 5), (500, 60), (0, 0), (None, 10)])
def test_rate_limit_error_blocks_the_route_for_retry_after_up_to_a_cap(
    database_url: str, retry_after: float | None, block_seconds: float
) -> None:
    with worker(database_url) as limited, worker(database_url) as sibling:
        limited.reserve_slot(ROUTE)
        before = database_time(database_url)
        limited.block_route(ROUTE, TikHubRateLimitError("wait", route=ROUTE, retry_after=retry_after))
        blocked_until = block_end(database_url)
        assert blocked_until is not None
        assert before <= blocked_until - timedelta(seconds=block_seconds) <= database_time(database_url)
        assert sibling.reserve_slot(ROUTE).slot_at >= blocked_until


def test_reserved_slots_move_behind_the_block_of_the_route(database_url: str) -> None:
    with worker(database_url) as rate_limit:
        calls = [insert_call(database_url, rate_limit.reserve_slot(ROUTE).slot_at) for _ in range(3)]
        assert [rate_limit.recheck_slot(call) for call in calls] == [0, 0, 0]
        rate_limit.block_route(ROUTE, TikHubRateLimitError("wait", route=ROUTE, retry_after=30))
        waits = [rate_limit.recheck_slot(call) for call in calls]
        assert all(wait > 0 for wait in waits)
        assert [rate_limit.recheck_slot(call) for call in calls] == [0, 0, 0]
        with psycopg.connect(database_url) as connection:
            slots = [row[0] for row in connection.execute("select started_at from comet_calls order by call_id")]
        assert slots[0] == block_end(database_url)
        assert [later - earlier for earlier, later in pairwise(slots)] == [min_interval(50)] * 2


def test_late_call_moves_behind_the_last_reserved_slot(database_url: str) -> None:
    with worker(database_url, 0.01) as rate_limit:
        late = insert_call(database_url, rate_limit.reserve_slot(ROUTE).slot_at)
        last = rate_limit.reserve_slot(ROUTE)
        assert rate_limit.reschedule_slot(late) > last.wait_seconds
        with psycopg.connect(database_url) as connection:
            ((slot_at,),) = connection.execute("select started_at from comet_calls").fetchall()
        assert slot_at - last.slot_at == min_interval(0.01)


def test_longest_block_wins(database_url: str) -> None:
    with worker(database_url) as rate_limit:
        rate_limit.reserve_slot(ROUTE)
        rate_limit.block_route(ROUTE, TikHubRateLimitError("wait", route=ROUTE, retry_after=50))
        longest = block_end(database_url)
        rate_limit.block_route(ROUTE, TikHubRateLimitError("wait", route=ROUTE, retry_after=1))
        assert block_end(database_url) == longest


def set_clock_ahead(url: str, column: str, ahead: timedelta) -> None:
    """Move a stored time of all routes, as a wrong clock leaves it."""
    with psycopg.connect(url) as connection:
        connection.execute(f"update comet_rate_limits set {column} = clock_timestamp() + %s".encode(), [ahead])


@pytest.mark.parametrize("column", ["slot_at", "blocked_until"])
@pytest.mark.parametrize("rate", [0.01, 1, 50])
def test_slot_that_a_wrong_clock_left_counts_as_now(
    database_url: str, column: str, rate: float, caplog: pytest.LogCaptureFixture
) -> None:
    def reserve_slot(_: int) -> float:
        with worker(database_url, rate) as rate_limit:
            return rate_limit.reserve_slot(ROUTE).wait_seconds

    reserve_slot(0)
    set_clock_ahead(database_url, column, timedelta(days=1))
    with ThreadPoolExecutor(6) as pool:
        waits = sorted(pool.map(reserve_slot, range(6)))
    assert waits[-1] <= 6 * min_interval(rate).total_seconds()
    warning = caplog.records[0].getMessage()
    assert ROUTE in warning
    assert (database_time(database_url) + timedelta(days=1)).date().isoformat() in warning
    assert "clock of the database server was probably wrong" in warning
    assert block_end(database_url) is None


def test_waiting_call_does_not_wait_for_a_block_that_a_wrong_clock_left(database_url: str) -> None:
    with worker(database_url) as rate_limit:
        call = insert_call(database_url, rate_limit.reserve_slot(ROUTE).slot_at)
        set_clock_ahead(database_url, "blocked_until", timedelta(days=1))
        assert rate_limit.recheck_slot(call) < 1
        set_clock_ahead(database_url, "slot_at", timedelta(days=1))
        assert rate_limit.reschedule_slot(call) < 1
        with psycopg.connect(database_url) as connection:
            ((started_at,),) = connection.execute("select started_at from comet_calls").fetchall()
        assert started_at <= database_time(database_url) + timedelta(seconds=1)


@pytest.mark.parametrize(("rate", "slots"), [(0.01, 4), (0.01, 16), (1, 16), (50, 64)])
def test_longest_queue_is_waited_for(
    database_url: str, rate: float, slots: int, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        rate_limit = RouteRateLimit(Database(connection), Pace(requests_per_second=rate), Retries(), slots=slots)
        rate_limit.reserve_slot(ROUTE)
        rate_limit.block_route(ROUTE, TikHubRateLimitError("wait", route=ROUTE, retry_after=999))
        blocked_until = block_end(database_url)
        calls = [insert_call(database_url, rate_limit.reserve_slot(ROUTE).slot_at) for _ in range(slots)]
        for _ in range(3):
            for call in calls:
                last = rate_limit.reschedule_slot(call)
    assert blocked_until is not None
    assert caplog.records == []
    assert last > (4 * slots - 2) * min_interval(rate).total_seconds()


@settings(max_examples=50)
@given(rate=st.integers(1, 20), latency=st.lists(st.floats(0, 0.99 * (HEADROOM - 1)), min_size=60, max_size=60))
def test_strict_server_admits_all_calls_with_latency_within_the_headroom(rate: int, latency: list[float]) -> None:
    slots = [number * min_interval(rate).total_seconds() for number in range(60)]
    arrivals = sorted(slot + seconds for slot, seconds in zip(slots, latency, strict=True))
    assert all(admitted(rate, arrivals))


def test_strict_server_rejects_a_call_after_a_much_delayed_one() -> None:
    assert admitted(1, [0.2, min_interval(1).total_seconds()]) == [True, False]


def admitted(rate: int, arrivals: list[float]) -> list[bool]:
    """Return which calls the sandbox's limiter admits, by their arrival in seconds."""
    now = [0.0]
    limiter = RateLimiter(rate, lambda: now[0])
    answers = []
    for now[0] in arrivals:
        answers.append(limiter.admits(ROUTE))
    return answers


@pytest.mark.parametrize(("rate", "count"), [(1, 204), (0.1, 20), (0.01, 2)])
def test_calls_within_a_duration_follow_the_rate(rate: float, count: int) -> None:
    project = load_settings(DEFAULT_SETTINGS_FILE)
    slow = project.model_copy(update={"pace": Pace(requests_per_second=rate)})
    assert calls_within(timedelta(minutes=15), slow) == count
