"""The ledger of calls under the shared rate limit, with a fake clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Never

import psycopg
import pytest
from psycopg.rows import dict_row

from comets.calls import ledger as ledger_module
from comets.calls.ledger import Call, CallResult, Ledger
from comets.calls.rate_limit import min_interval
from comets.database.client import Database, connect
from comets.errors import (
    CallSkippedError,
    TikHubAuthError,
    TikHubBalanceError,
    TikHubError,
    TikHubRateLimitError,
    TikHubTransientError,
)
from comets.settings import DEFAULT_SETTINGS_FILE, settings
from tests.steps.builders import Facts

RATE = 0.1
"""So low that slots are much further apart than two statements, even on a busy machine."""

SEARCH = Call("/api/search", hashtag="gymtok", page_offset=0)
NEXT_PAGE = Call("/api/search", hashtag="gymtok", page_offset=20)
SIBLING = Call("/api/search", hashtag="cozygaming", page_offset=0)
PROFILE = Call("/api/profile", user_id="71")


@dataclass
class Clock:
    """A clock that advances only by sleeping and by requests.

    :param sleeps: the requested sleeps in seconds
    :param delays: seconds by which the next sleeps end late
    :param during_sleep: called during the next sleep
    """

    now: float = 1_000.0
    sleeps: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    during_sleep: Callable[[], object] | None = None

    def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        self.sleeps.append(seconds)
        self.now += seconds + (self.delays.pop(0) if self.delays else 0)
        if self.during_sleep is not None:
            call, self.during_sleep = self.during_sleep, None
            call()

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """The ledger's clock; the settings are the default ones with a low rate."""
    fake = Clock()
    monkeypatch.setattr(ledger_module, "time", fake)
    monkeypatch.setenv("COMETS_SETTINGS_FILE", str(DEFAULT_SETTINGS_FILE))
    monkeypatch.setenv("COMETS_REQUESTS_PER_SECOND", str(RATE))
    settings.cache_clear()
    yield fake
    settings.cache_clear()


@pytest.fixture
def database(comets_connection: str) -> Iterator[Database]:
    with connect() as connected:
        yield connected


@pytest.fixture
def run_id(comets_connection: str) -> str:
    with psycopg.connect(comets_connection) as connection:
        return Facts(connection).accept(hashtags=["gymtok", "cozygaming"])


@pytest.fixture
def ledger(database: Database, run_id: str, clock: Clock) -> Ledger:
    return Ledger(database, run_id, 0)


@pytest.fixture
def sibling(comets_connection: str, run_id: str, clock: Clock) -> Iterator[Ledger]:
    """The ledger of another task of the run."""
    with connect() as database:
        yield Ledger(database, run_id, 0)


@pytest.fixture
def rows(comets_connection: str) -> Callable[[str], list[dict[str, Any]]]:
    def query(statement: str) -> list[dict[str, Any]]:
        with psycopg.connect(comets_connection, row_factory=dict_row) as connection:
            return connection.execute(statement.encode()).fetchall()

    return query


def failing(error: TikHubError) -> Callable[[], Never]:
    """Return a request that fails with an error."""

    def request() -> Never:
        raise error

    return request


def execute_failing(ledger: Ledger, call: Call, error: TikHubError) -> None:
    """Execute a call that fails with an error."""
    with pytest.raises(type(error)):
        ledger.execute(call, failing(error))


def unexpected() -> Never:
    """A request that must not be sent."""
    raise AssertionError


Rows = Callable[[str], list[dict[str, Any]]]


def test_calls_are_recorded_with_run_route_status_billing_and_duration(
    ledger: Ledger, clock: Clock, rows: Rows, run_id: str
) -> None:
    def request(value: str, seconds: float) -> str:
        clock.now += seconds
        return value

    ledger.execute(SEARCH, lambda: request("left open", 9))
    ledger.close(ledger.execute(NEXT_PAGE, lambda: request("page", 0.25)))
    execute_failing(
        ledger, PROFILE, TikHubTransientError("unavailable", route=PROFILE.route, status=502, is_billed=False)
    )
    assert len(clock.sleeps) == 1
    calls = rows(
        "select run_id, route, status_code, is_billed, duration_ms, finished_at is null as is_open"
        " from comet_calls order by call_id"
    )
    assert [tuple(row.values()) for row in calls] == [
        (run_id, "/api/search", None, None, None, True),
        (run_id, "/api/search", 200, True, 250, False),
        (run_id, "/api/profile", 502, False, 0, False),
    ]


def test_call_waits_for_its_slot(ledger: Ledger, clock: Clock, rows: Rows) -> None:
    ledger.execute(SEARCH, lambda: None)
    ledger.execute(NEXT_PAGE, lambda: None)
    first, second = rows("select reserved_at, started_at from comet_calls order by call_id")
    assert second["started_at"] - first["started_at"] == min_interval(RATE)
    [sleep] = clock.sleeps
    assert 0 < sleep <= min_interval(RATE).total_seconds()


def test_calls_that_a_wrong_clock_reserved_for_tomorrow_stop_no_other(
    ledger: Ledger, sibling: Ledger, clock: Clock, rows: Rows, comets_connection: str, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.execute(SEARCH, lambda: None)
    with psycopg.connect(comets_connection) as connection:
        connection.execute("update comet_calls set started_at = started_at + interval '1 day'")
        connection.execute("update comet_rate_limits set slot_at = slot_at + interval '1 day'")
    ledger.execute(SEARCH, lambda: None)
    sibling.execute(SIBLING, lambda: None)
    assert sum(clock.sleeps) <= 3 * min_interval(RATE).total_seconds()
    assert [record.levelname for record in caplog.records if "was probably wrong" in record.message] == ["WARNING"]
    assert (
        rows("select from comet_calls where started_at > reserved_at + interval '1 hour' and finished_at is null") == []
    )


@pytest.mark.parametrize(
    ("delays", "intervals"),
    [
        pytest.param([0.05], 1, id="in time"),
        pytest.param([0.1], 2, id="late once"),
        pytest.param([0.1] * 9, 4, id="always late"),
    ],
)
def test_late_call_takes_a_new_slot_up_to_a_limit(
    ledger: Ledger, clock: Clock, rows: Rows, delays: list[float], intervals: int
) -> None:
    ledger.execute(SEARCH, lambda: None)
    clock.sleeps.clear()
    clock.delays = delays
    ledger.execute(NEXT_PAGE, lambda: None)
    first, second = rows("select started_at from comet_calls order by call_id")
    assert second["started_at"] - first["started_at"] == intervals * min_interval(RATE)
    assert len(clock.sleeps) == intervals


def test_rate_limit_error_delays_siblings_on_the_route_only(
    ledger: Ledger, sibling: Ledger, clock: Clock, rows: Rows
) -> None:
    error = TikHubRateLimitError("slower", route=SEARCH.route, status=429, is_billed=False, retry_after=30)
    ledger.execute(PROFILE, lambda: None)
    ledger.execute(SEARCH, lambda: None)
    clock.during_sleep = lambda: execute_failing(ledger, NEXT_PAGE, error)
    sibling.execute(SIBLING, lambda: None)
    [block] = rows("select blocked_until from comet_rate_limits where blocked_until is not null")
    [moved] = rows("select started_at from comet_calls where hashtag = 'cozygaming'")
    assert moved["started_at"] >= block["blocked_until"]
    assert sum(clock.sleeps) > 25
    sleep_count = len(clock.sleeps)
    on_another_route = Call(PROFILE.route, user_id="72")
    sibling.execute(on_another_route, lambda: None)
    assert sum(clock.sleeps[sleep_count:]) <= min_interval(RATE).total_seconds()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TikHubBalanceError("no money", route="/r", status=402, is_billed=False), "for lack of balance (HTTP 402)"),
        (TikHubAuthError("wrong key", route="/r", status=401, is_billed=False), "refused the API key (HTTP 401)"),
        (TikHubAuthError("no right", route="/r", status=403, is_billed=False), "with this API key (HTTP 403)"),
        (TikHubAuthError("no key", route=None, is_billed=False), "The Airflow connection `tikhub` is missing"),
    ],
)
def test_fatal_error_of_a_sibling_skips_a_waiting_call(
    ledger: Ledger,
    sibling: Ledger,
    clock: Clock,
    rows: Rows,
    caplog: pytest.LogCaptureFixture,
    error: TikHubError,
    sentence: str,
) -> None:
    ledger.execute(SEARCH, lambda: None)
    clock.during_sleep = lambda: execute_failing(ledger, PROFILE, error)
    with pytest.raises(CallSkippedError, match="Stopped: ") as skipped:
        sibling.execute(SIBLING, unexpected)
    assert sentence in str(skipped.value)
    assert "Skipped: the search for #cozygaming at offset 0." in str(skipped.value)
    assert [record.message for record in caplog.records if record.message.startswith("Stopped: ")] == [
        str(skipped.value).split(" Skipped")[0]
    ]
    assert rows("select hashtag, user_id from comet_calls order by call_id") == [
        {"hashtag": "gymtok", "user_id": None},
        {"hashtag": None, "user_id": "71"},
    ]
    assert rows("select hashtag, reason from comet_skipped_calls") == [
        {"hashtag": "cozygaming", "reason": type(error).__name__}
    ]


def test_skipped_call_takes_no_slot(ledger: Ledger, rows: Rows, comets_connection: str) -> None:
    ledger.execute(SEARCH, lambda: None)
    with psycopg.connect(comets_connection) as connection:
        connection.execute("update comet_runs set max_api_calls = 1")
    before = rows("select * from comet_rate_limits")
    for call in (NEXT_PAGE, PROFILE):
        with pytest.raises(CallSkippedError, match="The run's budget of 1 TikHub calls is spent"):
            ledger.execute(call, unexpected)
    assert rows("select * from comet_rate_limits") == before
    assert len(rows("select from comet_calls")) == 1
    assert rows("select hashtag, reason from comet_skipped_calls order by 1") == [
        {"hashtag": "gymtok", "reason": "budget"},
        {"hashtag": None, "reason": "budget"},
    ]


def test_process_killed_while_waiting_delays_the_others_by_one_interval(
    ledger: Ledger, sibling: Ledger, clock: Clock, rows: Rows
) -> None:
    ledger.execute(SEARCH, lambda: None)

    def kill() -> None:
        raise KeyboardInterrupt

    clock.during_sleep = kill
    with pytest.raises(KeyboardInterrupt):
        ledger.execute(NEXT_PAGE, unexpected)
    result: CallResult[None] = sibling.execute(SIBLING, lambda: None)
    first, last = rows("select started_at from comet_calls where hashtag = 'cozygaming' or page_offset = 0 order by 1")
    assert last["started_at"] - first["started_at"] == 2 * min_interval(RATE)
    sibling.close(result)
    ledger.close(ledger.execute(NEXT_PAGE, lambda: None))
    assert rows("select status_code from comet_calls where page_offset = 20 order by call_id") == [
        {"status_code": None},
        {"status_code": 200},
    ]
    assert rows("select from comet_calls where finished_at is null and page_offset = 20") == []
