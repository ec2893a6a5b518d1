"""Notifications and asset events of Dag runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from airflow.models.asset import AssetEvent, AssetModel
from airflow.utils.session import create_session
from sqlalchemy import select

from tests.dags.conftest import NewWorld
from tests.dags.fault_runs import recorded_output
from tests.dags.worlds import SEARCH, Day, Row, World, cast, page_of
from tests.inbox import PASSWORD, TOKEN, Inbox, running_inbox
from tests.secret_scan import database_texts, findings

FIVE = cast(5)
FIRST, SECOND, THIRD = "2026-03-01", "2026-03-02", "2026-03-03"
FOUND = page_of(*FIVE[:2])
NOTHING = {"route": SEARCH, "fault": "items", "items": []}
TABLES = {"creators", "comet_discoveries", "creator_stats", "comet_scores"}


@dataclass(frozen=True)
class Notified:
    """A run, its notifications, and its asset events: table, date, run."""

    day: Day
    messages: list[Row]
    events: set[tuple[str, str, str]]


def run_and_collect(world: World, inbox: Inbox, date: str, *rules: Row, **conf: Any) -> Notified:
    """Run the Dag for a date."""
    day = world.run(date, *rules, **conf)
    return Notified(day, inbox.take(), events_of(day.run_id))


def events_of(run_id: str) -> set[tuple[str, str, str]]:
    """Return the asset events of a run."""
    with create_session() as session:
        query = select(AssetModel.name, AssetEvent.extra).join(AssetEvent, AssetEvent.asset_id == AssetModel.id)
        found = session.execute(query.where(AssetEvent.source_run_id == run_id)).all()
    return {(name, extra["recorded_date"], extra["run_id"]) for name, extra in found}


@dataclass(frozen=True)
class Story:
    """Runs of one world in order, by their case."""

    runs: dict[str, Notified]
    texts: dict[str, list[str]]


@pytest.fixture(scope="module")
def story(new_world: NewWorld) -> Iterator[Story]:
    with new_world() as world, running_inbox() as inbox, recorded_output() as written:
        runs = {"without a service": run_and_collect(world, inbox, FIRST, page_of(FIVE[0]))}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AIRFLOW_CONN_COMETS_NOTICES", inbox.connection)
            runs |= {
                "found two": run_and_collect(world, inbox, SECOND, FOUND, page_of(FIVE[2], hashtag="other")),
                "a hashtag fails": run_and_collect(
                    world,
                    inbox,
                    THIRD,
                    page_of(*FIVE[:3]),
                    {"route": SEARCH, "keyword": "other", "fault": "status", "status": 422},
                    hashtags=["gymtok", "other"],
                ),
                "a check fails": run_and_collect(world, inbox, "2026-03-04", NOTHING),
                "rejected": run_and_collect(world, inbox, "2026-03-05", min_followers=9, max_followers=1),
            }
            inbox.status = 500
            runs["the service fails"] = run_and_collect(world, inbox, "2026-03-06", page_of(*FIVE))
        logs = {"output": [run.day.log for run in runs.values()], "logs": written.logs}
        texts = {**logs, **database_texts(world.database_url)}
        yield Story(runs, texts)


def titles(run: Notified) -> list[str]:
    return [message["title"] for message in run.messages]


def test_no_connection_means_no_notification(story: Story) -> None:
    run = story.runs["without a service"]
    assert (run.day.state, run.messages) == ("success", [])
    for text in ("Notification", "The notification", "comets_notices", "apprise"):
        assert text not in run.day.log


def test_notification_lists_only_new_comets(story: Story) -> None:
    run = story.runs["found two"]
    assert (run.day.state, titles(run)) == ("success", ["2026-03-02: 1 new Comet"])
    assert f"https://www.tiktok.com/@{FIVE[1].handle}" in run.messages[0]["message"]
    assert f"@{FIVE[0].handle}" not in run.messages[0]["message"]
    assert "Notification sent: 2026-03-02: 1 new Comet" in run.day.log


def test_failed_run_sends_one_notification_with_cause_remedy_and_comets(story: Story) -> None:
    run = story.runs["a hashtag fails"]
    assert (run.day.state, titles(run)) == ("failed", ["Comet run for 2026-03-03 failed"])
    [message] = run.messages
    assert message["type"] == "failure"
    assert "1 hashtag failed: #other (" in message["message"]
    assert "To complete the run, " in message["message"]
    assert f"https://www.tiktok.com/@{FIVE[2].handle}" in message["message"]


def test_stopped_or_rejected_run_sends_one_notification(story: Story) -> None:
    run = story.runs["a check fails"]
    assert titles(run) == ["Comet run for 2026-03-04 failed"]
    assert "Failed steps: check_roll_call, check_search" in run.messages[0]["message"]
    run = story.runs["rejected"]
    assert titles(run) == ["Comet run for 2026-03-05 failed"]
    assert "The run is refused, no call was made. Invalid params: " in run.messages[0]["message"]


def test_failed_notification_does_not_fail_the_run(story: Story) -> None:
    run = story.runs["the service fails"]
    assert (run.day.state, run.messages) == ("success", [])
    assert "The notification of this run was not sent: no service accepted it (JSON)." in run.day.log


def test_notification_secrets_are_not_logged_or_stored(story: Story) -> None:
    assert "Notification sent" in "".join(story.texts["output"])
    assert findings(story.texts, {"password": PASSWORD, "token": TOKEN}) == []


def test_recorded_date_emits_one_asset_event_per_table(story: Story) -> None:
    for name, date in (("found two", SECOND), ("a hashtag fails", THIRD)):
        run = story.runs[name]
        assert run.events == {(table, date, run.day.run_id) for table in TABLES}, name


def test_stopped_or_rejected_run_emits_no_asset_event(story: Story) -> None:
    for name in ("a check fails", "rejected"):
        assert story.runs[name].events == set()
