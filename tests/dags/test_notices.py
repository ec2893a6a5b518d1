"""Whole runs of the Dag that tell a service what came of them, and the events that other Dags can wait for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from airflow.models.asset import AssetEvent, AssetModel
from airflow.utils.session import create_session
from sqlalchemy import select

from tests.dags.conftest import NewWorld
from tests.dags.fault_runs import everything_written
from tests.dags.worlds import SEARCH, Day, Row, World, cast, page_of
from tests.inbox import PASSWORD, TOKEN, Inbox, running_inbox
from tests.secret_scan import database_texts, findings

FIVE = cast(5)
FIRST, SECOND, THIRD = "2026-03-01", "2026-03-02", "2026-03-03"
FOUND = page_of(*FIVE[:2])
NOTHING = {"route": SEARCH, "fault": "items", "items": []}
TABLES = {"creators", "comet_discoveries", "creator_stats", "comet_scores"}


@dataclass(frozen=True)
class Told:
    """A run, what was told of it, and the events that it emitted: table, date, run."""

    day: Day
    messages: list[Row]
    events: set[tuple[str, str, str]]


def told(world: World, inbox: Inbox, date: str, *rules: Row, **conf: Any) -> Told:
    """Run the Dag for a date."""
    day = world.run(date, *rules, **conf)
    return Told(day, inbox.take(), events_of(day.run_id))


def events_of(run_id: str) -> set[tuple[str, str, str]]:
    """What Airflow has noted of the assets that a run has updated."""
    with create_session() as session:
        query = select(AssetModel.name, AssetEvent.extra).join(AssetEvent, AssetEvent.asset_id == AssetModel.id)
        found = session.execute(query.where(AssetEvent.source_run_id == run_id)).all()
    return {(name, extra["recorded_date"], extra["run_id"]) for name, extra in found}


@dataclass(frozen=True)
class Story:
    """Runs of one world in their order, by what happened in them."""

    runs: dict[str, Told]
    texts: dict[str, list[str]]


@pytest.fixture(scope="module")
def story(new_world: NewWorld) -> Iterator[Story]:
    with new_world() as world, running_inbox() as inbox, everything_written() as written:
        runs = {"without a service": told(world, inbox, FIRST, page_of(FIVE[0]))}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AIRFLOW_CONN_COMETS_NOTICES", inbox.connection)
            runs |= {
                "found two": told(world, inbox, SECOND, FOUND, page_of(FIVE[2], hashtag="other")),
                "a hashtag fails": told(
                    world,
                    inbox,
                    THIRD,
                    page_of(*FIVE[:3]),
                    {"route": SEARCH, "keyword": "other", "fault": "status", "status": 422},
                    hashtags=["gymtok", "other"],
                ),
                "a gate stops it": told(world, inbox, "2026-03-04", NOTHING),
                "refused": told(world, inbox, "2026-03-05", min_followers=9, max_followers=1),
            }
            inbox.status = 500
            runs["the service is away"] = told(world, inbox, "2026-03-06", page_of(*FIVE))
        logs = {"output": [run.day.log for run in runs.values()], "logs": written.logs}
        texts = {**logs, **database_texts(world.database_url)}
        yield Story(runs, texts)


def titles(told: Told) -> list[str]:
    return [message["title"] for message in told.messages]


def test_without_a_connection_a_run_is_silent(story: Story) -> None:
    run = story.runs["without a service"]
    assert (run.day.state, run.messages) == ("success", [])
    for text in ("Notification", "The notification", "comets_notices", "apprise"):
        assert text not in run.day.log


def test_a_run_tells_its_new_comets_only(story: Story) -> None:
    run = story.runs["found two"]
    assert (run.day.state, titles(run)) == ("success", ["2026-03-02: 1 new Comet"])
    assert f"https://www.tiktok.com/@{FIVE[1].handle}" in run.messages[0]["message"]
    assert f"@{FIVE[0].handle}" not in run.messages[0]["message"]
    assert "Notification sent: 2026-03-02: 1 new Comet" in run.day.log


def test_a_failed_run_is_told_once_with_what_failed_what_to_do_and_what_it_found(story: Story) -> None:
    run = story.runs["a hashtag fails"]
    assert (run.day.state, titles(run)) == ("failed", ["Comet run for 2026-03-03 failed"])
    [message] = run.messages
    assert message["type"] == "failure"
    assert "1 hashtag failed: #other (" in message["message"]
    assert "To complete the run, " in message["message"]
    assert f"https://www.tiktok.com/@{FIVE[2].handle}" in message["message"]


def test_a_run_that_is_stopped_or_refused_is_told_once(story: Story) -> None:
    run = story.runs["a gate stops it"]
    assert titles(run) == ["Comet run for 2026-03-04 failed"]
    assert "Failed steps: check_roll_call, check_search" in run.messages[0]["message"]
    run = story.runs["refused"]
    assert titles(run) == ["Comet run for 2026-03-05 failed"]
    assert "The run is refused, no call was made. Invalid params: " in run.messages[0]["message"]


def test_a_notice_that_is_not_taken_leaves_the_run_alone(story: Story) -> None:
    run = story.runs["the service is away"]
    assert (run.day.state, run.messages) == ("success", [])
    assert "The notification of this run was not sent: no service accepted it (JSON)." in run.day.log


def test_no_secret_of_a_service_is_logged_or_stored(story: Story) -> None:
    assert "Notification sent" in "".join(story.texts["output"])
    assert findings(story.texts, {"password": PASSWORD, "token": TOKEN}) == []


def test_a_run_that_has_recorded_its_date_emits_it_for_each_table(story: Story) -> None:
    for name, date in (("found two", SECOND), ("a hashtag fails", THIRD)):
        run = story.runs[name]
        assert run.events == {(table, date, run.day.run_id) for table in TABLES}, name


def test_a_run_that_is_stopped_or_refused_emits_nothing(story: Story) -> None:
    for name in ("a gate stops it", "refused"):
        assert story.runs[name].events == set()
