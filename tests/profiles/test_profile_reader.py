"""Fetching of profiles in parallel, over real HTTP and a real PostgreSQL."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from comets.calls.ledger import Ledger
from comets.database.client import Database, connect
from comets.errors import TikHubAmbiguousError, TikHubTransientError
from comets.privacy.erasure import erase_creator
from comets.profiles import queue
from comets.profiles.accounts import Account, ProfileOutcome
from comets.profiles.reader import IN_FLIGHT_SECONDS, ProfileReader
from comets.settings import TIKHUB_CONN_ID, Retries
from comets.tikhub.hook import PROFILE_ROUTE, TikHubHook
from include.sandbox.client import SandboxClient
from tests.dags.worlds import cast
from tests.steps.builders import Facts

CREATORS = cast(6)
ACCOUNTS = [Account(creator.uid, creator.sec_uid, creator.handle) for creator in CREATORS]

AcceptRun = Callable[..., str]


@pytest.fixture
def database(tikhub_connection: str, comets_connection: str) -> Iterator[Database]:
    with connect() as connected:
        yield connected


@pytest.fixture
def accept_run(tikhub_connection: str, comets_connection: str) -> AcceptRun:
    """Store a run of a past date and return its id."""

    def accept(run_id: str, recorded_date: date) -> str:
        with psycopg.connect(comets_connection) as connection:
            return Facts(connection).accept(run_id=run_id, recorded_date=recorded_date, is_live=False)

    return accept


def read_all(database: Database, run_id: str, accounts: list[Account]) -> Counter[ProfileOutcome]:
    reader = ProfileReader(
        hook=TikHubHook(tikhub_conn_id=TIKHUB_CONN_ID),
        database=database,
        ledger=Ledger(database, run_id, 0),
        run_id=run_id,
        retries=Retries(),
    )
    return queue.read_all(reader, accounts)


def test_parallel_runs_of_past_dates_fetch_a_profile_once(sandbox: SandboxClient, accept_run: AcceptRun) -> None:
    sandbox.set_clock("2026-03-09T02:00:00Z")
    sandbox.set_latency(0.3)
    start = threading.Barrier(2)

    def read(run_id: str, accounts: list[Account]) -> Counter[ProfileOutcome]:
        with connect() as database:
            start.wait()
            return read_all(database, run_id, accounts)

    runs = [accept_run("run of day 2", date(2026, 3, 2)), accept_run("run of day 3", date(2026, 3, 3))]
    with ThreadPoolExecutor(2) as pool:
        outcomes = [*pool.map(read, runs, [ACCOUNTS[:3], ACCOUNTS[2::-1]])]

    fetched = [call["params"]["sec_user_id"] for call in sandbox.calls()]
    assert sorted(fetched) == sorted(creator.sec_uid for creator in CREATORS[:3])
    assert sum(outcomes, Counter()) == {ProfileOutcome.FETCHED: 3, ProfileOutcome.ALREADY_FETCHED: 3}


def insert_open_call(database: Database, run_id: str, seconds: float) -> None:
    """Insert an unfinished call for the first account, started so long ago."""
    started_at = datetime.now(UTC) - timedelta(seconds=seconds)
    database.execute(
        "calls/reserve_call",
        run_id=run_id,
        run_attempt=0,
        route=PROFILE_ROUTE,
        hashtag=None,
        page_offset=None,
        user_id=ACCOUNTS[0].user_id,
        reserved_at=started_at,
        started_at=started_at,
    )


def test_call_of_a_dead_process_is_ignored(sandbox: SandboxClient, database: Database, accept_run: AcceptRun) -> None:
    sandbox.set_clock("2026-03-09T02:00:00Z")
    insert_open_call(database, accept_run("run of day 2", date(2026, 3, 2)), IN_FLIGHT_SECONDS + 1)
    alive = accept_run("run of day 3", date(2026, 3, 3))
    assert read_all(database, alive, ACCOUNTS[:1]) == {ProfileOutcome.FETCHED: 1}


def test_retry_ignores_the_open_call_of_its_own_task(
    sandbox: SandboxClient, database: Database, accept_run: AcceptRun
) -> None:
    sandbox.set_clock("2026-03-09T02:00:00Z")
    run_id = accept_run("run of day 2", date(2026, 3, 2))
    insert_open_call(database, run_id, 0)
    assert read_all(database, run_id, ACCOUNTS[:1]) == {ProfileOutcome.FETCHED: 1}


def test_accounts_are_skipped_after_four_failures_in_a_row(
    sandbox: SandboxClient, database: Database, accept_run: AcceptRun
) -> None:
    sandbox.set_faults({"fault": "status", "status": 500})
    run_id = accept_run("run of day 2", date(2026, 3, 2))
    for _ in range(2):
        with pytest.raises(TikHubTransientError):
            read_all(database, run_id, ACCOUNTS)
    assert read_all(database, run_id, ACCOUNTS) == {ProfileOutcome.FAILED: 4, ProfileOutcome.SKIPPED: 2}
    assert len(sandbox.calls()) == 12


def test_missing_account_is_not_retried(sandbox: SandboxClient, database: Database, accept_run: AcceptRun) -> None:
    sandbox.set_clock("2026-03-09T02:00:00Z")
    sandbox.set_faults({"fault": "inner_status", "status": 10221})
    run_id = accept_run("run of day 2", date(2026, 3, 2))
    assert read_all(database, run_id, ACCOUNTS[:1]) == {ProfileOutcome.NO_ACCOUNT: 1}
    assert read_all(database, run_id, ACCOUNTS[:1]) == {ProfileOutcome.ALREADY_FETCHED: 1}
    assert len(sandbox.calls()) == 1


def test_erased_account_is_not_fetched(sandbox: SandboxClient, database: Database, accept_run: AcceptRun) -> None:
    run_id = accept_run("run of day 2", date(2026, 3, 2))
    erase_creator(database, ACCOUNTS[0].user_id, "erasing run")
    erase_creator(database, ACCOUNTS[1].sec_uid, "erasing run")
    assert read_all(database, run_id, ACCOUNTS[:2]) == {ProfileOutcome.ERASED: 2}
    assert sandbox.calls() == []


def test_account_found_to_be_erased_is_fetched_once_and_not_stored(
    sandbox: SandboxClient, database: Database, accept_run: AcceptRun
) -> None:
    sandbox.set_clock("2026-03-09T02:00:00Z")
    run_id = accept_run("run of day 2", date(2026, 3, 2))
    erase_creator(database, CREATORS[0].uid, "erasing run")
    accounts = [Account(CREATORS[0].sec_uid, None, None)]
    assert read_all(database, run_id, accounts) == {ProfileOutcome.ERASED: 1}
    assert read_all(database, run_id, accounts) == {ProfileOutcome.ERASED: 1}
    assert len(sandbox.calls()) == 1
    assert erase_creator(database, CREATORS[0].sec_uid, "erasing run").counts == {}


def test_handle_that_now_belongs_to_an_erased_account_erases_no_other(
    sandbox: SandboxClient, database: Database, accept_run: AcceptRun
) -> None:
    run_id = accept_run("run of day 2", date(2026, 3, 2))
    erased, other = CREATORS[:2]
    erase_creator(database, erased.uid, "erasing run")
    sandbox.change_creator(other.uid, is_gone=True)
    with pytest.raises(TikHubAmbiguousError):
        read_all(database, run_id, [Account(other.uid, None, erased.handle)])
    assert read_all(database, run_id, [Account(other.uid, None, erased.handle)])[ProfileOutcome.ERASED] == 0
