"""Erasures in parallel with the tasks of a run: the second of the two sees the changes of the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from comets.calls.ledger import Call, CallResult, Ledger
from comets.database.client import Database
from comets.errors import TikHubTransientError
from comets.privacy.erasure import erase_creator
from comets.profiles.landing import land_failed_profile, land_profile
from comets.profiles.roll_call import plan_roll_call
from comets.search.landing import SearchLanding, StopReason
from comets.tikhub.models import Profile as ProfileAnswer
from comets.tikhub.parsing import parse_video_page
from tests.privacy.erasing import HANDLE, SEC_UID, TRACES, UID, opened, tables_with
from tests.steps.builders import HASHTAG, PARAMETERS, Facts, Profile, Row, Video, noon, statements

RUN = "the run"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANSWER = ProfileAnswer(
    user_id=UID,
    sec_uid=SEC_UID,
    handle=HANDLE,
    nickname=None,
    avatar_url=None,
    signature=None,
    follower_count=20_000,
    heart_count=None,
    video_count=None,
    observed_at=NOW,
)

Work = Callable[[Database], Any]


def land_a_page(database: Database) -> None:
    ledger = Ledger(database, RUN, 0)
    landing = SearchLanding(database, ledger, RUN, HASHTAG)
    search = landing.open()
    author = {"uid": UID, "sec_uid": SEC_UID, "unique_id": HANDLE}
    card = {"aweme_info": {"aweme_id": "v1", "author": author, "statistics": {"play_count": 60_000}}}
    call = Call("search", hashtag=HASHTAG, page_offset=0)
    answer = ledger.execute(call, lambda: parse_video_page({"search_item_list": [card]}, offset=0, observed_at=NOW))
    landing.land(search, answer, StopReason.EXHAUSTED)


def land_a_profile(database: Database) -> None:
    ledger = Ledger(database, RUN, 0)
    land_profile(database, ledger, RUN, UID, CallResult(0, ANSWER, 0))


def land_missing_account(database: Database) -> None:
    land_failed_profile(database, RUN, UID, "no_account", NOW)


def plan(database: Database) -> None:
    plan_roll_call(database, RUN, 50)


def filter_the_landing(database: Database) -> None:
    with database.transaction():
        # Begins the transaction.
        database.fetch_one("database/read_schema_version")
        for statement in statements("filter_comets"):
            database._connection.execute(statement, {"run_id": RUN, **PARAMETERS})


TASKS = (land_a_page, land_a_profile, land_missing_account, plan, filter_the_landing)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture
def run(facts: Facts) -> Facts:
    """A run that has landed a page of the creator and tracks it."""
    facts.land_page(Video(UID, sec_uid=SEC_UID, handle=HANDLE), hashtag="gymtok")
    facts.accept(run_id=RUN, hashtags=(HASHTAG, "gymtok"))
    facts.step("filter_comets", RUN)
    facts.step("upsert_creators", RUN)
    return facts


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_erasure_waits_for_a_task_and_erases_its_rows(
    run: Facts, creators_url: str, threads: ThreadPoolExecutor, task: Work
) -> None:
    with opened(creators_url) as busy:
        with busy.transaction():
            task(busy)
            erasing = in_background(threads, creators_url, lambda database: erase_creator(database, UID, "erasing"))
            wait_until_it_waits(run.connection, erasing)
        assert erasing.result().counts["creators"] == 1
    assert tables_with(run.connection, *TRACES) == set()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_task_waits_for_an_erasure_and_stores_nothing(
    run: Facts, creators_url: str, threads: ThreadPoolExecutor, task: Work
) -> None:
    with opened(creators_url) as erasing:
        with erasing.transaction():
            erase_creator(erasing, UID, "erasing")
            working = in_background(threads, creators_url, task)
            wait_until_it_waits(run.connection, working)
        working.result()
    assert tables_with(run.connection, *TRACES) == set()


def test_call_in_flight_succeeds_without_storing_the_account(run: Facts, creators_url: str) -> None:
    with opened(creators_url) as database:
        ledger = Ledger(database, RUN, 0)
        answer = ledger.execute(Call("profile", user_id=UID), lambda: ANSWER)
        erase_creator(database, HANDLE, "erasing")
        assert land_profile(database, ledger, RUN, UID, answer) is False
    assert tables_with(run.connection, *TRACES) == set()
    assert run.rows("select user_id, status_code, is_billed from comet_calls") == [("erased", 200, True)]


def test_call_in_flight_fails_without_storing_the_account(run: Facts, creators_url: str) -> None:
    with opened(creators_url) as database, opened(creators_url) as other:

        def fetch() -> None:
            erase_creator(other, UID, "erasing")
            raise TikHubTransientError(f"No answer for {UID}.", route="profile", subject=UID)

        with pytest.raises(TikHubTransientError):
            Ledger(database, RUN, 0).execute(Call("profile", user_id=UID), fetch)
    assert tables_with(run.connection, *TRACES) == set()
    assert run.rows("select error_type, error from comet_calls") == [("TikHubTransientError", None)]


def test_parallel_landings_do_not_wait_for_each_other(run: Facts, creators_url: str) -> None:
    with opened(creators_url) as one, opened(creators_url) as other, one.transaction():
        land_missing_account(one)
        land_failed_profile(other, RUN, "72", "no_account", noon(NOW.date()))
    run.land_profile(Profile("73", 5))
    assert len(run.rows("select 1 from comet_profiles")) == 3


def in_background(threads: ThreadPoolExecutor, url: str, work: Work) -> Future[Any]:
    """Run the work in a thread, on its own connection."""

    def do() -> Any:
        with opened(url) as database:
            return work(database)

    return threads.submit(do)


def wait_until_it_waits(connection: psycopg.Connection[Row], work: Future[Any]) -> None:
    """Return when a session of this database waits for a lock."""
    query = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    while not connection.execute(query).fetchall():
        assert not work.done(), work.result()
