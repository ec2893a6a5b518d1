"""Notifications: each Comet and breakout is sent once, to a local server."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import structlog
from airflow.sdk.exceptions import AirflowFailException

from comets.notifications.notifier import CometNotifier
from tests.conftest import postgres_connection
from tests.inbox import PASSWORD, TOKEN, Inbox, running_inbox
from tests.privacy.test_erasure_in_parallel import wait_until_it_waits
from tests.secret_scan import findings
from tests.steps.builders import DAY, Facts, Row, Video, day, everything, noon
from tests.steps.playback import import_legacy
from tests.steps.worlds import LegacyCreator

FIRST_READING = "first reading"
JOINER = "\u2060"


@pytest.fixture
def inbox(creators_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    """The only service of the connection `comets_notices`."""
    with running_inbox() as running:
        monkeypatch.setenv("AIRFLOW_CONN_COMETS_DB", postgres_connection(creators_url))
        monkeypatch.setenv("AIRFLOW_CONN_COMETS_NOTICES", running.connection)
        yield running


@pytest.fixture
def everything_logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[[], str]]:
    """Everything that any library logs or prints, at DEBUG."""
    for name in ("", "comets", "airflow", "apprise", "urllib3", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    with structlog.testing.capture_logs() as events:
        yield lambda: "\n".join([caplog.text, *capfd.readouterr(), repr(events)])


def end(run_id: str, recorded_date: date = DAY, error: BaseException | None = None) -> None:
    """Call the callback at the end of a run, as Airflow does."""
    at = datetime.combine(recorded_date, datetime.min.time(), UTC)
    context: Any = {
        "dag_run": SimpleNamespace(run_id=run_id, logical_date=at, run_after=at),
        "ti": SimpleNamespace(task_id="report"),
    }
    CometNotifier(has_failed=error is not None)(context | ({"exception": error} if error else {}))


def break_out(facts: Facts, user_id: str, video_id: str, ratio: float, recorded_date: date = DAY) -> None:
    """Store a breakout of a creator in the scores of a date."""
    facts.connection.execute(
        "insert into comet_scores (recorded_date, counted_date, user_id, is_graduated, follower_count, basis,"
        " breakout_ratio, breakout_video_id, video_count, ranks, is_low_confidence, scored_at)"
        " values (%s, current_date, %s, false, 20000, 'observed', %s, %s, 9, '{}', false, now())"
        " on conflict (recorded_date, user_id) do update set breakout_ratio = excluded.breakout_ratio,"
        " breakout_video_id = excluded.breakout_video_id",
        (recorded_date, user_id, ratio, video_id),
    )


@pytest.fixture
def two_comets(facts: Facts) -> str:
    """A run with two Comets: one with a breakout, one below the threshold."""
    facts.land_page(
        Video("71", "v1", handle="ada"), Video("72", "v2", handle="bob.x", follower_count=45_230), hashtag="a"
    )
    facts.land_page(Video("71", "v1", handle="ada"), hashtag="b")
    run_id = facts.run(hashtags=["a", "b"])
    break_out(facts, "71", "9001", 7.44)
    break_out(facts, "72", "9002", 2.99)
    return run_id


def test_new_comets_and_breakouts_are_sent_once_with_counts_and_links(
    facts: Facts, inbox: Inbox, two_comets: str
) -> None:
    end(two_comets)
    [message] = inbox.take()
    assert (message["title"], message["type"]) == ("2026-03-01: 2 new Comets, 1 breakout", "info")
    assert message["message"].splitlines() == [
        "New Comets:",
        f"- bob.{JOINER}x: 45,230 followers, {FIRST_READING}, #a https://www.tiktok.com/@bob.x",
        f"- ada: 20,000 followers, {FIRST_READING}, #a #b https://www.tiktok.com/@ada",
        "Breakouts (video views vs. the median of the creator's other videos):",
        "- ada: 7.4x https://www.tiktok.com/@ada/video/9001",
    ]
    claims = facts.rows("select kind, subject_id, user_id, run_id from comet_notifications order by kind, subject_id")
    assert claims == [
        ("breakout", "9001", "71", two_comets),
        ("comet", "71", "71", two_comets),
        ("comet", "72", "72", two_comets),
    ]

    before = everything(facts.connection)
    end(two_comets)
    end(facts.run(hashtags=["a"]))
    assert inbox.take() == []
    assert {row for row in everything(facts.connection) if row[0] == "comet_notifications"} <= set(before)

    facts.land_page(Video("71", "v1", handle="ada"), recorded_date=day(1), hashtag="a")
    run_id = facts.run(day(1), hashtags=["a"])
    break_out(facts, "71", "9001", 9, day(1))
    end(run_id, day(1))
    assert inbox.take() == []
    break_out(facts, "71", "9003", 9, day(1))
    end(run_id, day(1))
    assert [message["title"] for message in inbox.take()] == ["2026-03-02: 1 breakout"]


def test_estimated_counts_are_marked(facts: Facts, inbox: Inbox, two_comets: str) -> None:
    facts.connection.execute(
        "update creator_stats set basis = 'estimated', gap_days = 1, daily_growth_followers = 1250 where user_id = '71'"
    )
    facts.connection.execute("delete from comet_scores")
    end(two_comets)
    [message] = inbox.take()
    assert "- ada: ~20,000 followers, ~+1,250/day, #a #b" in message["message"]


def test_comets_beyond_twenty_are_only_counted(facts: Facts, inbox: Inbox) -> None:
    facts.land_page(*(Video(str(number), f"v{number}", handle=f"ada{number}") for number in range(100, 123)))
    run_id = facts.run()
    end(run_id)
    [message] = inbox.take()
    assert message["title"] == "2026-03-01: 23 new Comets"
    assert message["message"].count("https://") == 20
    assert message["message"].splitlines()[-1].startswith("and 3 more")
    end(run_id)
    assert inbox.take() == []


def test_undelivered_notification_is_sent_by_the_next_run_of_the_date(
    facts: Facts, inbox: Inbox, two_comets: str, everything_logged: Callable[[], str]
) -> None:
    inbox.status = 500
    end(two_comets)
    assert facts.rows("select * from comet_notifications") == []
    logged = everything_logged()
    assert "The notification of this run was not sent: no service accepted it (JSON). Check the URLs" in logged
    assert "Airflow connection `comets_notices`" in logged
    inbox.status = 200
    end(facts.accept(hashtags=["c"]))
    assert [message["title"] for message in inbox.take()] == ["2026-03-01: 2 new Comets, 1 breakout"]
    logged += everything_logged()
    assert findings({"log": [logged]}, {"password": PASSWORD, "token": TOKEN, "place": f"127.0.0.1:{inbox.port}"}) == []


def test_parallel_runs_send_one_notification(facts: Facts, inbox: Inbox, two_comets: str) -> None:
    other = facts.accept(hashtags=["c"])
    inbox.may_answer.clear()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(end, two_comets)
        assert inbox.arrived.wait(30)
        second = threads.submit(end, other)
        wait_until_it_waits(facts.connection, second)
        inbox.may_answer.set()
        first.result()
        second.result()
    assert len(inbox.take()) == 1


def test_failed_run_is_sent_with_its_comets(facts: Facts, inbox: Inbox, two_comets: str) -> None:
    reason = "The run for 2026-03-01 is incomplete. 1 hashtag failed: #c (HTTP 500). To complete the run, clear it."
    end(two_comets, error=AirflowFailException(reason))
    [message] = inbox.take()
    assert (message["title"], message["type"]) == ("Comet run for 2026-03-01 failed", "failure")
    assert message["message"].startswith(f"{reason}\n\nNew Comets:\n- bob")
    end(two_comets, error=AirflowFailException(reason))
    assert [message["message"] for message in inbox.take()] == [reason]


@pytest.mark.parametrize("is_reported", [True, False])
def test_unpublished_comets_are_not_sent(facts: Facts, inbox: Inbox, is_reported: bool) -> None:
    facts.land_page(Video(handle="ada"))
    run_id = facts.accept()
    for step in ("filter_comets", "upsert_creators"):
        facts.step(step, run_id)
    facts.connection.execute(
        "insert into comet_quality_checks values (%s, 'roll_call.answered', 0, 1, true, '')", [run_id]
    )
    if is_reported:
        facts.connection.execute("update comet_runs set report = '{}' where run_id = %s", [run_id])
    end(run_id, error=AirflowFailException("A check failed."))
    assert [message["message"] for message in inbox.take()] == ["A check failed."]
    facts.observe(21_000, day(1))
    end(facts.run(day(1)), day(1))
    assert [message["title"] for message in inbox.take()] == ["2026-03-02: 1 new Comet"]
    facts.run_again(run_id)
    end(run_id)
    assert inbox.take() == []


def test_failed_run_is_sent_without_a_database(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, everything_logged: Callable[[], str]
) -> None:
    gone = {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "login": "me", "password": "password-of-the-db"}
    monkeypatch.setenv("AIRFLOW_CONN_COMETS_DB", json.dumps(gone))
    end("a run", error=psycopg.OperationalError("password-of-the-db"))
    [message] = inbox.take()
    assert message["message"].startswith("Task report failed (OperationalError); see its log.")
    assert "password-of-the-db" not in everything_logged() + str(message)


@pytest.mark.parametrize(
    ("handle", "hashtag", "active"),
    [
        ("<!channel>", "a", ("<!channel>",)),
        ("everyone", "a", ("@everyone",)),
        ("here2", "a", ("@here",)),
        ("[x](https://evil.example)", "a", ("](", "://evil", " evil.")),
        ("bit.ly", "a", (" bit.ly",)),
        ("ada\n@channel\x1b[31m", "a", ("\n@", "@channel", "\x1b")),
        ("&lt;!here&gt;", "a", ("&lt;",)),
        ("ada", "a@everyone", ("@everyone",)),
    ],
)
def test_creator_texts_contain_no_mention_or_link(
    facts: Facts, inbox: Inbox, handle: str, hashtag: str, active: tuple[str, ...]
) -> None:
    facts.land_page(Video(handle=handle), hashtag=hashtag)
    end(facts.run(hashtags=[hashtag]))
    [message] = inbox.take()
    assert "20,000 followers" in message["message"]
    assert [text for text in active if text in message["message"]] == []
    assert len(message["message"].splitlines()) == 2


@pytest.mark.parametrize(
    "malformed",
    [
        f'{{"conn_type": "apprise", "extra": {{"config": [{{"path": "nonsense://{TOKEN}"}}]}}}}',
        f'{{"conn_type": "apprise", "extra": {{"config": "{TOKEN}"}}}}',
        f'{{"conn_type": "apprise", "password": "{TOKEN}"}}',
        f'{{"conn_type": "apprise", "extra": {{"config": [{{"url": "{TOKEN}"}}]}}}}',
        f"json://scout:{TOKEN}@127.0.0.1",
        f'{{"{TOKEN}',
    ],
)
def test_invalid_connection_is_named_and_not_shown(
    two_comets: str,
    inbox: Inbox,
    malformed: str,
    monkeypatch: pytest.MonkeyPatch,
    everything_logged: Callable[[], str],
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_COMETS_NOTICES", malformed)
    end(two_comets)
    logged = everything_logged()
    assert "The notification of this run was not sent: " in logged
    assert "COMETS_NOTICES" in logged
    assert findings({"log": [logged]}, {"token": TOKEN}) == []


def test_failing_service_does_not_stop_the_others(
    facts: Facts,
    inbox: Inbox,
    two_comets: str,
    monkeypatch: pytest.MonkeyPatch,
    everything_logged: Callable[[], str],
) -> None:
    with running_inbox() as other:
        other.status = 503
        paths = {"path": f"{other.url}, {inbox.url}"}
        connection = json.dumps({"conn_type": "apprise", "extra": {"config": paths}})
        monkeypatch.setenv("AIRFLOW_CONN_COMETS_NOTICES", connection)
        end(two_comets)
    assert len(inbox.take()) == 1
    assert "Notification not accepted by JSON, but by other services." in everything_logged()
    assert len(facts.rows("select * from comet_notifications")) == 3


def test_run_that_was_not_accepted_sends_nothing(connection: psycopg.Connection[Row], inbox: Inbox) -> None:
    end("never accepted")
    assert inbox.take() == []


def test_imported_creator_is_never_sent_as_new(facts: Facts, inbox: Inbox) -> None:
    import_legacy(LegacyCreator("71", False, "ada", noon(day(-1)), ()), facts)
    facts.land_page(Video("71", "v1", handle="ada"))
    end(facts.run())
    assert facts.rows("select follower_count from creator_stats") == [(20_000,)]
    assert inbox.take() == []
