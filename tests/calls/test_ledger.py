"""The ledger of calls under the shared pace; waiting takes no time here, and what happens meanwhile is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Never

import psycopg
import pytest
from psycopg.rows import dict_row

from comets.calls import ledger as ledger_module
from comets.calls.ledger import Answer, Call, Ledger
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
"""So low that moments lie much further apart than two statements, however busy this machine is."""

SEARCH = Call("/api/search", hashtag="gymtok", page_offset=0)
NEXT_PAGE = Call("/api/search", hashtag="gymtok", page_offset=20)
SIBLING = Call("/api/search", hashtag="cozygaming", page_offset=0)
PROFILE = Call("/api/profile", user_id="71")


@dataclass
class Clock:
    """Time that passes only while somebody sleeps or asks.

    :param meanwhile: what others do during the next sleep
    :param overslept: seconds by which the next sleeps last longer than they should
    """

    now: float = 1_000.0
    slept: list[float] = field(default_factory=list)
    overslept: list[float] = field(default_factory=list)
    meanwhile: Callable[[], object] | None = None

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds + (self.overslept.pop(0) if self.overslept else 0)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()

    def monotonic(self) -> float:
        """Return the time in seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """The ledger's time; the settings are the project's own, at a slow pace."""
    told = Clock()
    monkeypatch.setattr(ledger_module, "time", told)
    monkeypatch.setenv("COMETS_SETTINGS_FILE", str(DEFAULT_SETTINGS_FILE))
    monkeypatch.setenv("COMETS_REQUESTS_PER_SECOND", str(RATE))
    settings.cache_clear()
    yield told
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
    """What a call does that fails."""

    def ask() -> Never:
        raise error

    return ask


def fail(ledger: Ledger, call: Call, error: TikHubError) -> None:
    """Make a call that fails."""
    with pytest.raises(type(error)):
        ledger.execute(call, failing(error))


def never() -> Never:
    """A call that must not be made."""
    raise AssertionError


Rows = Callable[[str], list[dict[str, Any]]]


def test_a_call_is_kept_with_run_route_status_billing_and_its_own_duration(
    ledger: Ledger, clock: Clock, rows: Rows, run_id: str
) -> None:
    def answer(status: str, seconds: float) -> str:
        clock.now += seconds
        return status

    ledger.execute(SEARCH, lambda: answer("left open", 9))
    ledger.close(ledger.execute(NEXT_PAGE, lambda: answer("page", 0.25)))
    fail(ledger, PROFILE, TikHubTransientError("away", route=PROFILE.route, status=502, is_billed=False))
    assert len(clock.slept) == 1
    kept = rows(
        "select run_id, route, status_code, is_billed, duration_ms, finished_at is null as is_open"
        " from comet_calls order by call_id"
    )
    assert [tuple(row.values()) for row in kept] == [
        (run_id, "/api/search", None, None, None, True),
        (run_id, "/api/search", 200, True, 250, False),
        (run_id, "/api/profile", 502, False, 0, False),
    ]


def test_a_call_waits_exactly_until_the_moment_that_it_was_given(ledger: Ledger, clock: Clock, rows: Rows) -> None:
    ledger.execute(SEARCH, lambda: None)
    ledger.execute(NEXT_PAGE, lambda: None)
    first, second = rows("select reserved_at, started_at from comet_calls order by call_id")
    assert second["started_at"] - first["started_at"] == min_interval(RATE)
    [slept] = clock.slept
    assert 0 < slept <= min_interval(RATE).total_seconds()


@pytest.mark.parametrize(
    ("overslept", "pauses"),
    [
        pytest.param([0.05], 1, id="in time"),
        pytest.param([0.1], 2, id="late once"),
        pytest.param([0.1] * 9, 4, id="always late"),
    ],
)
def test_a_call_that_wakes_up_late_takes_another_moment_but_not_for_ever(
    ledger: Ledger, clock: Clock, rows: Rows, overslept: list[float], pauses: int
) -> None:
    ledger.execute(SEARCH, lambda: None)
    clock.slept.clear()
    clock.overslept = overslept
    ledger.execute(NEXT_PAGE, lambda: None)
    first, second = rows("select started_at from comet_calls order by call_id")
    assert second["started_at"] - first["started_at"] == pauses * min_interval(RATE)
    assert len(clock.slept) == pauses


def test_the_siblings_of_a_call_that_is_told_to_wait_are_held_back_too(
    ledger: Ledger, sibling: Ledger, clock: Clock, rows: Rows
) -> None:
    told = TikHubRateLimitError("slower", route=SEARCH.route, status=429, is_billed=False, retry_after=30)
    ledger.execute(PROFILE, lambda: None)
    ledger.execute(SEARCH, lambda: None)
    # The call that was reserved before it is told to wait, and whose moment comes before the hold ends.
    clock.meanwhile = lambda: fail(ledger, NEXT_PAGE, told)
    sibling.execute(SIBLING, lambda: None)
    [held] = rows("select blocked_until from comet_rate_limits where blocked_until is not null")
    [moved] = rows("select started_at from comet_calls where hashtag = 'cozygaming'")
    assert moved["started_at"] >= held["blocked_until"]
    assert sum(clock.slept) > 25
    # Another route is not concerned.
    slept = len(clock.slept)
    with_profile = Call(PROFILE.route, user_id="72")
    sibling.execute(with_profile, lambda: None)
    assert sum(clock.slept[slept:]) <= min_interval(RATE).total_seconds()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TikHubBalanceError("no money", route="/r", status=402, is_billed=False), "for lack of balance (HTTP 402)"),
        (TikHubAuthError("wrong key", route="/r", status=401, is_billed=False), "refused the API key (HTTP 401)"),
        (TikHubAuthError("no right", route="/r", status=403, is_billed=False), "with this API key (HTTP 403)"),
        (TikHubAuthError("no key", route=None, is_billed=False), "The Airflow connection `tikhub` is missing"),
    ],
)
def test_who_waits_for_a_moment_makes_no_call_when_a_sibling_meets_what_ends_all_calling(
    ledger: Ledger,
    sibling: Ledger,
    clock: Clock,
    rows: Rows,
    caplog: pytest.LogCaptureFixture,
    error: TikHubError,
    sentence: str,
) -> None:
    ledger.execute(SEARCH, lambda: None)
    clock.meanwhile = lambda: fail(ledger, PROFILE, error)
    with pytest.raises(CallSkippedError, match="Stopped: ") as refusal:
        sibling.execute(SIBLING, never)
    assert sentence in str(refusal.value)
    assert "Not made: the search for #cozygaming at offset 0." in str(refusal.value)
    assert [record.message for record in caplog.records if record.message.startswith("Stopped: ")] == [
        str(refusal.value).split(" Not made")[0]
    ]
    assert rows("select hashtag, user_id from comet_calls order by call_id") == [
        {"hashtag": "gymtok", "user_id": None},
        {"hashtag": None, "user_id": "71"},
    ]
    assert rows("select hashtag, reason from comet_skipped_calls") == [
        {"hashtag": "cozygaming", "reason": type(error).__name__}
    ]


def test_a_refused_call_takes_no_moment(ledger: Ledger, rows: Rows, comets_connection: str) -> None:
    ledger.execute(SEARCH, lambda: None)
    with psycopg.connect(comets_connection) as connection:
        connection.execute("update comet_runs set max_api_calls = 1")
    before = rows("select * from comet_rate_limits")
    for call in (NEXT_PAGE, PROFILE):
        with pytest.raises(CallSkippedError, match="The run's budget of 1 TikHub calls is spent"):
            ledger.execute(call, never)
    assert rows("select * from comet_rate_limits") == before
    assert len(rows("select from comet_calls")) == 1
    assert rows("select hashtag, reason from comet_skipped_calls order by 1") == [
        {"hashtag": "gymtok", "reason": "budget"},
        {"hashtag": None, "reason": "budget"},
    ]


def test_a_process_that_dies_while_it_waits_delays_the_others_by_one_pause(
    ledger: Ledger, sibling: Ledger, clock: Clock, rows: Rows
) -> None:
    ledger.execute(SEARCH, lambda: None)

    def die() -> None:
        raise KeyboardInterrupt

    clock.meanwhile = die
    with pytest.raises(KeyboardInterrupt):
        ledger.execute(NEXT_PAGE, never)
    answer: Answer[None] = sibling.execute(SIBLING, lambda: None)
    first, last = rows("select started_at from comet_calls where hashtag = 'cozygaming' or page_offset = 0 order by 1")
    assert last["started_at"] - first["started_at"] == 2 * min_interval(RATE)
    sibling.close(answer)
    ledger.close(ledger.execute(NEXT_PAGE, lambda: None))
    assert rows("select status_code from comet_calls where page_offset = 20 order by call_id") == [
        {"status_code": None},
        {"status_code": 200},
    ]
    assert rows("select from comet_calls where finished_at is null and page_offset = 20") == []
