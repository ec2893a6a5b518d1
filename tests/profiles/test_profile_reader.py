"""Reading profiles in parallel, over real HTTP and a real PostgreSQL."""

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
    """Note a run of a past date and return its id."""

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


def test_two_runs_of_past_dates_at_the_same_time_pay_for_a_profile_once(
    sandbox: SandboxClient, accept_run: AcceptRun
) -> None:
    sandbox.set_clock("2026-03-09T02:00:00Z")
    sandbox.set_latency(0.3)
    start = threading.Barrier(2)

    def read(run_id: str, accounts: list[Account]) -> Counter[ProfileOutcome]:
        with connect() as database:
            start.wait()
            return read_all(database, run_id, accounts)

    runs = [accept_run("run of day 2", date(2026, 3, 2)), accept_run("run of day 3", date(2026, 3, 3))]
    with ThreadPoolExecutor(2) as pool:
        readings = [*pool.map(read, runs, [ACCOUNTS[:3], ACCOUNTS[2::-1]])]

    asked = [call["params"]["sec_user_id"] for call in sandbox.calls()]
    assert sorted(asked) == sorted(creator.sec_uid for creator in CREATORS[:3])
    assert sum(readings, Counter()) == {ProfileOutcome.READ: 3, ProfileOutcome.ANSWERED: 3}


def leave_open(database: Database, run_id: str, seconds: float) -> None:
    """Leave a call for the first account that a run began so long ago."""
    begun_at = datetime.now(UTC) - timedelta(seconds=seconds)
    database.execute(
        "calls/reserve_call",
        run_id=run_id,
        run_attempt=0,
        route=PROFILE_ROUTE,
        hashtag=None,
        page_offset=None,
        user_id=ACCOUNTS[0].user_id,
        reserved_at=begun_at,
        started_at=begun_at,
    )


def test_a_call_of_a_process_that_died_keeps_nobody_waiting(
    sandbox: SandboxClient, database: Database, accept_run: AcceptRun
) -> None:
    sandbox.set_clock("2026-03-09T02:00:00Z")
    leave_open(database, accept_run("run of day 2", date(2026, 3, 2)), IN_FLIGHT_SECONDS + 1)
    alive = accept_run("run of day 3", date(2026, 3, 3))
    assert read_all(database, alive, ACCOUNTS[:1]) == {ProfileOutcome.READ: 1}


def test_a_retry_does_not_wait_for_the_call_that_its_own_task_left_open(
    sandbox: SandboxClient, database: Database, accept_run: AcceptRun
) -> None:
    sandbox.set_clock("2026-03-09T02:00:00Z")
    run_id = accept_run("run of day 2", date(2026, 3, 2))
    leave_open(database, run_id, 0)
    assert read_all(database, run_id, ACCOUNTS[:1]) == {ProfileOutcome.READ: 1}


def test_when_four_accounts_in_a_row_get_no_answer_no_further_one_is_asked_for(
    sandbox: SandboxClient, database: Database, accept_run: AcceptRun
) -> None:
    sandbox.set_faults({"fault": "status", "status": 500})
    run_id = accept_run("run of day 2", date(2026, 3, 2))
    for _ in range(2):
        with pytest.raises(TikHubTransientError):
            read_all(database, run_id, ACCOUNTS)
    assert read_all(database, run_id, ACCOUNTS) == {ProfileOutcome.FAILED: 4, ProfileOutcome.NOT_ASKED: 2}
    assert len(sandbox.calls()) == 12


def test_an_account_that_does_not_exist_is_final_at_the_first_answer(
    sandbox: SandboxClient, database: Database, accept_run: AcceptRun
) -> None:
    sandbox.set_clock("2026-03-09T02:00:00Z")
    sandbox.set_faults({"fault": "inner_status", "status": 10221})
    run_id = accept_run("run of day 2", date(2026, 3, 2))
    assert read_all(database, run_id, ACCOUNTS[:1]) == {ProfileOutcome.NO_ACCOUNT: 1}
    assert read_all(database, run_id, ACCOUNTS[:1]) == {ProfileOutcome.ANSWERED: 1}
    assert len(sandbox.calls()) == 1


def test_an_account_that_was_erased_is_not_asked_for(
    sandbox: SandboxClient, database: Database, accept_run: AcceptRun
) -> None:
    run_id = accept_run("run of day 2", date(2026, 3, 2))
    erase_creator(database, ACCOUNTS[0].user_id, "erasing run")
    erase_creator(database, ACCOUNTS[1].sec_uid, "erasing run")
    assert read_all(database, run_id, ACCOUNTS[:2]) == {ProfileOutcome.ERASED: 2}
    assert sandbox.calls() == []


def test_an_account_that_turns_out_to_be_erased_is_asked_for_once_and_not_kept(
    sandbox: SandboxClient, database: Database, accept_run: AcceptRun
) -> None:
    sandbox.set_clock("2026-03-09T02:00:00Z")
    run_id = accept_run("run of day 2", date(2026, 3, 2))
    erase_creator(database, CREATORS[0].uid, "erasing run")
    by_sec_uid = [Account(CREATORS[0].sec_uid, None, None)]
    assert read_all(database, run_id, by_sec_uid) == {ProfileOutcome.ERASED: 1}
    assert read_all(database, run_id, by_sec_uid) == {ProfileOutcome.ERASED: 1}
    assert len(sandbox.calls()) == 1
    assert erase_creator(database, CREATORS[0].sec_uid, "erasing run") == {}


def test_a_handle_that_now_leads_to_an_erased_account_erases_nobody(
    sandbox: SandboxClient, database: Database, accept_run: AcceptRun
) -> None:
    run_id = accept_run("run of day 2", date(2026, 3, 2))
    erased, other = CREATORS[:2]
    erase_creator(database, erased.uid, "erasing run")
    sandbox.change_creator(other.uid, is_gone=True)
    with pytest.raises(TikHubAmbiguousError):
        read_all(database, run_id, [Account(other.uid, None, erased.handle)])
    assert read_all(database, run_id, [Account(other.uid, None, erased.handle)])[ProfileOutcome.ERASED] == 0
