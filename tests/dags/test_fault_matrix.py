"""Every fault of TikHub at every place, once and always, in real Airflow tasks.

`fault_table` has the expected reactions. Many cells share a Dag run, each with its own hashtag or creator.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from comets.tikhub.hook import TikHubHook
from tests.conftest import tikhub_connection_to
from tests.dags.conftest import NewWorld
from tests.dags.fault_runs import (
    DATE,
    HIDDEN_HASHTAG,
    FatalRun,
    FaultyRun,
    RecordedOutput,
    always,
    fatal_runs,
    invalid_requests,
    once,
    recorded_output,
    searching,
)
from tests.dags.fault_table import (
    FAILED_CALLS,
    FAILING_PROFILES,
    FATAL_CELLS,
    FINAL,
    KINDS,
    OFFSETS,
    PAGE_SIZE,
    PASSING,
    PERMANENT,
)
from tests.dags.worlds import PROFILE, SEARCH, Day, Row, World
from tests.secret_scan import CACHE_LINK, database_texts, exception_texts, findings

RESULTS = {
    "creators": "to_jsonb(creators) - 'found_by_run_id' as creator",
    "creator_stats": "user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, basis",
    "comet_discoveries": "*",
    "comet_handles": "*",
    "comet_dates": "*",
    "comet_profiles": "user_id, outcome, observed_at, follower_count, heart_count, video_count",
}

SECRETS = {
    "API key": "sk-Matrix+Key/0123456789=abcdef",
    "database password": "Matrix:pass/word@0123456789%",
    "authorization": "Bearer ",
    "cache link": CACHE_LINK,
}

ONCE_PROFILES = [name for name, kind in PASSING.items() if kind.of_profile != "no account"]


@dataclass(frozen=True)
class Matrix:
    """The runs of the matrix and their output."""

    calm: FaultyRun
    once: FaultyRun
    ever: FaultyRun
    wrong: FaultyRun
    fatal: dict[tuple[str, str, bool], FatalRun]
    truth: dict[str, dict[int, list[str]]]
    """Videos without faults, by hashtag and offset."""
    written: RecordedOutput
    fatal_world: World

    @property
    def days(self) -> list[Day]:
        """The days of all runs."""
        runs = (self.calm, self.once, self.ever, self.wrong)
        return [run.day for run in runs] + [run.day for run in self.fatal.values()]

    def lines(self, *words: str) -> list[str]:
        """Return task log lines that contain all these words."""
        logs = [line for day in self.days for line in day.log.splitlines()] + self.written.logs
        return [line for line in (log.replace("\\'", "'") for log in logs) if all(word in line for word in words)]


@pytest.fixture(scope="module")
def matrix(new_world: NewWorld) -> Iterator[Matrix]:
    with pytest.MonkeyPatch.context() as patch, ExitStack() as worlds, recorded_output() as written:
        # Long enough that only timeout cells reach it on a busy machine.
        patch.setattr(TikHubHook, "timeout_seconds", 5.0)
        patch.setattr(TikHubHook, "max_body_bytes", 800_000)

        def begin() -> World:
            world = worlds.enter_context(new_world())
            connection = json.loads(os.environ["AIRFLOW_CONN_COMETS_DB"]) | {"password": SECRETS["database password"]}
            patch.setenv("AIRFLOW_CONN_COMETS_DB", json.dumps(connection))
            patch.setenv("AIRFLOW_CONN_TIKHUB", tikhub_connection_to(world.sandbox, SECRETS["API key"]))
            return world

        def kept(run: FaultyRun) -> FaultyRun:
            written.keep_metadata()
            return run

        calm = kept(once(begin(), is_calm=True))
        calm.world.sandbox.set_faults()
        truth = {searching(name, place): pages_of(searching(name, place)) for name, place in PERMANENT}
        disturbed = kept(once(begin()))
        ever = kept(always(begin()))
        wrong = kept(invalid_requests(begin()))
        fatal_world = begin()
        fatal = dict(zip(FATAL_CELLS, fatal_runs(fatal_world), strict=True))
        written.keep_metadata()
        yield Matrix(calm, disturbed, ever, wrong, fatal, truth, written, fatal_world)


def pages_of(hashtag: str) -> dict[int, list[str]]:
    """Return the video ids of a hashtag by offset, as the sandbox serves them."""
    hook = TikHubHook()
    pages = {
        offset: hook.search_videos(keyword=hashtag, offset=offset, count=PAGE_SIZE, publish_time=0, region="US")
        for offset in OFFSETS.values()
    }
    return {offset: [video.video_id for video in page.videos] for offset, page in pages.items()}


@pytest.mark.parametrize("name", PASSING)
def test_search_that_fails_once_per_page_lands_the_same_rows(matrix: Matrix, name: str) -> None:
    kind, hashtag = KINDS[name], searching(name)
    run = matrix.once
    assert run.state(hashtag) == "success"
    for offset in OFFSETS.values():
        calls = [(count, billed) for at, count, billed in run.searched(hashtag) if at == offset]
        assert [billed for _, billed in calls] == [kind.sandbox_bills, True]
        failed = (kind.status, kind.is_billed, kind.error)
        assert run.ledger(hashtag=hashtag, page_offset=offset) == [failed, (200, True, None)]
        if kind.reaction == "smaller page":
            assert calls[1][0] == max(1, calls[0][0] // 2)
        else:
            assert [count for count, _ in calls] == [PAGE_SIZE, PAGE_SIZE]

    tries = run.tries(hashtag)
    if kind.reaction == "smaller page":
        assert [row["state"] for row in tries] == ["success"]
        assert contents(run.landed(hashtag)) == contents(matrix.calm.landed(hashtag))
        assert len(matrix.lines(repr(hashtag), kind.reason_text, "Retrying with")) == len(OFFSETS)
    else:
        assert [row["state"] for row in tries] == ["failed", "failed", "failed", "success"]
        for row, offset in zip(tries, OFFSETS.values(), strict=False):
            assert row["retry_reason"].startswith(f"Try 1 of {FAILED_CALLS[kind.reaction]} failed: TikHub ")
            assert kind.reason_text in row["retry_reason"]
            assert f"search for {hashtag!r} at offset {offset} " in row["retry_reason"]
        assert run.landed(hashtag) == matrix.calm.landed(hashtag)


def contents(landed: dict[str, list[Row]]) -> dict[str, list[Any]]:
    """Return landed rows independent of their pages."""
    return {
        "videos": sorted((row["video_id"], row["play_count"], row["follower_count"]) for row in landed["videos"]),
        "rejected": sorted((row["reason"], row["raw_json"]) for row in landed["rejected"]),
        "discoveries": landed["discoveries"],
    }


@pytest.mark.parametrize("name", ONCE_PROFILES)
@pytest.mark.parametrize("place", ["in_roll_call", "hidden"])
def test_profile_that_fails_once_is_fetched_once_more(matrix: Matrix, name: str, place: str) -> None:
    kind, creator = KINDS[name], getattr(matrix.once, place)[name]
    assert matrix.once.profile_billing(creator)[:2] == [kind.sandbox_bills, True]
    calls = matrix.once.ledger(user_id=creator.uid)
    error = "TikHubCutBodyError" if kind.reaction == "smaller page" else kind.error
    assert calls[:2] == [(kind.status, kind.is_billed, error), (200, True, None)]
    assert len(calls) == 2
    # The next identifier is tried at once, in the same try of the task.
    if kind.error == "TikHubRateLimitError":
        assert matrix.lines("Try 1 of 5 failed: TikHub", kind.reason_text, repr(creator.sec_uid))
    elif kind.error != "TikHubAmbiguousError":
        assert matrix.lines("TikHub", kind.reason_text, repr(creator.sec_uid), "Retried with the task.")


def test_tables_are_the_same_after_transient_failures(matrix: Matrix) -> None:
    assert matrix.once.day.state == matrix.calm.day.state == "success"
    assert set(matrix.once.day.tasks.values()) == {"success"}
    for table, columns in RESULTS.items():
        statement = f"select {columns} from {table}"
        rows = [sorted(map(repr, run.world.rows(statement))) for run in (matrix.once, matrix.calm)]
        assert rows[0], table
        assert rows[0] == rows[1], table


def test_ledger_matches_the_calls_and_their_billing(matrix: Matrix) -> None:
    for run in (matrix.calm, matrix.once, matrix.ever):
        calls = run.world.rows("select * from comet_calls where run_id = %s", run.day.run_id)
        assert len(calls) == len(run.calls)
        assert all(call["finished_at"] for call in calls)
        known = sum(call["is_billed"] is True for call in calls)
        unknown = sum(call["is_billed"] is None for call in calls)
        assert known <= sum(call["billed"] is True for call in run.calls) <= known + unknown
        for route in (SEARCH, PROFILE):
            asked = sum(call["route"].endswith(route) for call in calls)
            assert asked == sum(call["route"] == route for call in run.calls)


@pytest.mark.parametrize(("name", "place"), PERMANENT)
def test_search_that_always_fails_gives_up_and_keeps_landed_pages(matrix: Matrix, name: str, place: str) -> None:
    kind, hashtag, offset = KINDS[name], searching(name, place), OFFSETS[place]
    run, count = matrix.ever, FAILED_CALLS[kind.reaction]
    assert run.state(hashtag) == "failed"
    before = [(at, PAGE_SIZE, True) for at in OFFSETS.values() if at < offset]
    sizes = [4, 2, 1] if kind.reaction == "smaller page" else [PAGE_SIZE] * count
    assert run.searched(hashtag) == [*before, *((offset, size, kind.sandbox_bills) for size in sizes)]
    assert run.ledger(hashtag=hashtag, page_offset=offset) == [(kind.status, kind.is_billed, kind.error)] * count

    landed = run.landed(hashtag)
    assert [row["page_offset"] for row in landed["pages"]] == [at for at, _, _ in before]
    expected = [video for at, _, _ in before for video in matrix.truth[hashtag][at]]
    assert [row["video_id"] for row in landed["videos"]] == expected
    assert len(landed["rejected"]) == len(before) * PAGE_SIZE - len(expected)
    assert {row["video_id"] for row in landed["discoveries"]} <= set(expected)

    tries = run.tries(hashtag)
    retries = [] if kind.reaction in ("smaller page", "fail") else list(range(1, count))
    assert [row["state"] for row in tries] == ["failed"] * (len(retries) + 1)
    for row, number in zip(tries, retries, strict=False):
        assert row["retry_reason"].startswith(f"Try {number} of {count} failed: TikHub ")
        assert kind.reason_text in row["retry_reason"]
    start = "TikHub" if kind.reaction == "fail" else f"Given up after {count} tries: TikHub"
    question = f"search for {hashtag!r} at offset {offset} "
    [line] = matrix.lines("Retry policy decision", "action=fail", kind.reason_text, question)
    assert line.partition("reason=")[2][1:].startswith(f"{start} ")
    assert f"#{hashtag} (" in matrix.ever.day.log


@pytest.mark.parametrize("name", FAILING_PROFILES)
@pytest.mark.parametrize("place", ["in_roll_call", "hidden"])
def test_profile_that_always_fails_is_skipped_for_the_date(matrix: Matrix, name: str, place: str) -> None:
    kind, run = KINDS[name], matrix.ever
    creator, count = getattr(run, place)[name], FAILED_CALLS[kind.of_profile]
    assert run.profile_billing(creator) == [kind.sandbox_bills] * count
    error = "TikHubAccountNotFoundError" if kind.of_profile == "no account" else kind.error
    assert run.ledger(user_id=creator.uid) == [(kind.status, kind.is_billed, error)] * count
    [profile] = run.world.rows("select outcome from comet_profiles where user_id = %s", creator.uid)
    refused = {"TikHubAmbiguousError": "refused", "TikHubAccountNotFoundError": "no_account"}
    assert profile["outcome"] == refused.get(error, "failed")
    if count > 1:
        given_up = f"Given up for today after {count} attempts (account {creator.uid})"
        assert matrix.lines(given_up, kind.reason_text)
        assert not matrix.lines(given_up, creator.handle)


def test_unreachable_creators_fail_no_task(matrix: Matrix) -> None:
    run = matrix.ever
    assert run.state(HIDDEN_HASHTAG) == "success"
    batches = {task: state for task, state in run.day.tasks.items() if task.startswith("roll_call")}
    assert set(batches.values()) == {"success"}
    assert run.day.tasks["record_growth"] == "success"
    assert run.day.state == "failed"
    assert f"{len(PERMANENT)} hashtags failed" in run.day.log
    assert "clear the failed task instance" in run.day.log
    assert {row["hashtag"] for row in run.world.rows("select hashtag from comet_discoveries")} & {
        searching(name, place) for name, place in PERMANENT
    }
    [unread] = run.world.rows("select count(*) as n from comet_profiles where outcome <> 'found'")
    assert unread["n"] == 2 * len(FAILING_PROFILES)
    stats = run.world.rows("select distinct user_id from creator_stats where recorded_date = %s", DATE)
    assert {creator.uid for creator in run.in_roll_call.values()} <= {row["user_id"] for row in stats}


@pytest.mark.parametrize("name", FINAL)
def test_invalid_profile_request_fails_its_task_but_no_other_profile(matrix: Matrix, name: str) -> None:
    kind, run = KINDS[name], matrix.wrong
    for creator in (run.in_roll_call[name], run.hidden[name]):
        assert run.profile_billing(creator) == [kind.sandbox_bills]
        assert run.ledger(user_id=creator.uid) == [(kind.status, kind.is_billed, kind.error)]
    assert [row["state"] for row in run.tries(searching(name))] == ["failed"]
    assert run.world.rows("select from creators where user_id = %s", run.hidden[name].uid) == []
    [roll_call] = [row for row in run.instances if row["task_id"] == "roll_call"]
    assert roll_call["state"] == "failed"
    found = run.world.rows("select from comet_profiles where outcome = 'found'")
    assert len(found) == len(FINAL)
    wrong = f"rejected the request for {len(FINAL)} account(s) as invalid"
    assert matrix.lines("Retry policy decision", "action=fail", wrong)


@pytest.mark.parametrize(("name", "place", "is_once"), FATAL_CELLS)
def test_rejected_key_or_empty_balance_stops_all_calls_of_the_run(
    matrix: Matrix, name: str, place: str, is_once: bool
) -> None:
    kind, run = KINDS[name], matrix.fatal[name, place, is_once]
    assert [
        (call["status_code"], call["is_billed"], call["error_type"]) for call in run.ledger if call["error_type"]
    ] == [(kind.status, kind.is_billed, kind.error)]
    assert run.ledger[-1]["error_type"]
    assert len(run.calls) == len(run.ledger)
    assert run.calls[-1]["billed"] == kind.sandbox_bills
    assert all(call["billed"] for call in run.calls[:-1])
    assert {row["try_number"] for row in run.instances if row["state"] != "upstream_failed"} == {1}
    failed = [row for row in run.instances if row["state"] == "failed" and row["task_id"] == "extract_videos"]
    assert len(failed) == (0 if place == "roll call" else 3)
    decisions = [line for line in run.day.log.splitlines() if "Retry policy decision" in line]
    reasons = [line for line in decisions if kind.reason_text in line or "Stopped: TikHub " in line]
    assert any(kind.reason_text in line for line in reasons)
    assert len(reasons) >= (1 if place == "roll call" else 3)
    assert all("action=fail" in line for line in reasons)
    assert run.day.state == "failed"


def places(matrix: Matrix) -> dict[str, Any]:
    """Return all output of the runs by place."""
    worlds = [matrix.calm.world, matrix.once.world, matrix.ever.world, matrix.wrong.world, matrix.fatal_world]
    tables = [database_texts(world.database_url) for world in worlds]
    return {
        "printed": [day.log for day in matrix.days],
        "logged": matrix.written.logs,
        "exceptions": [text for error in matrix.written.exceptions for text in exception_texts(error)],
        **{f"Airflow's {name}": texts for name, texts in matrix.written.metadata.items()},
        **{f"creators' {name}": texts for found in tables for name, texts in found.items()},
    }


def test_no_secret_in_logs_xcoms_rendered_fields_tables_or_exceptions(matrix: Matrix) -> None:
    found = places(matrix)
    needed = {"printed", "logged", "exceptions", "Airflow's public.xcom.value", "creators' public.comet_calls.error"}
    assert needed <= found.keys()
    assert any("rendered_task_instance_fields" in place for place in found)
    assert len(found["exceptions"]) > 30
    assert findings(found, SECRETS) == []


def test_secret_scan_finds_encoded_and_chained_secrets() -> None:
    secret = SECRETS["API key"]
    error = ValueError("harmless")
    error.__cause__ = KeyError("behind it")
    error.__cause__.add_note(quote(secret))
    coded = b64encode(f"user:{secret}!".encode()).decode()
    planted = {"printed": [f"a line\n{secret.upper()}"], "exceptions": exception_texts(error), "table": [coded]}
    assert findings(planted, SECRETS) == [f"API key in {place}" for place in sorted(planted)]
