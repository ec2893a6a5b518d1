"""Runs of the Dags forget_creator and comet_maintenance between runs of comet_discovery."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
import pytest
from airflow.models.xcom import XComModel
from airflow.sdk import BaseOperator
from airflow.utils.session import create_session

from comets.errors import DatabaseError
from comets.operators.forget_creator import ForgetCreatorOperator
from comets.operators.retention import TrimLandingOperator
from tests.dags.conftest import NewWorld
from tests.dags.worlds import Day, Outcome, World, cast, identifiers_of, page_of, run_context

ERASED, OTHER = cast(2)
TRACES = (*identifiers_of(ERASED), ERASED.nickname)
BROKEN_CARD = {"aweme_info": {"author": {"uid": ERASED.uid, "unique_id": ERASED.handle}}}


@dataclass(frozen=True)
class Story:
    """A creator is discovered, erased by handle and found again."""

    world: World
    before: dict[str, list[str]]
    unconfirmed: tuple[Outcome, str]
    unchanged: dict[str, list[str]]
    erasing: tuple[Outcome, str]
    after: dict[str, list[str]]
    day: Day
    later: dict[str, list[str]]
    maintenance: tuple[Outcome, str]
    """Run after the retention of all rows."""


@pytest.fixture(scope="module")
def story(new_world: NewWorld) -> Iterator[Story]:
    with new_world() as world:
        hidden: dict[str, Any] = page_of(OTHER, hidden=[ERASED])
        hidden["items"].append(BROKEN_CARD)
        world.run("2026-03-01", hidden)
        before = all_rows(world)
        unconfirmed = world.run_other("forget_creator", creator=f"@{ERASED.handle}")
        unchanged = all_rows(world)
        erasing = world.run_other("forget_creator", creator=f"@{ERASED.handle}", confirm_uid=ERASED.uid)
        after = all_rows(world)
        day = world.run("2026-03-02", hidden)
        later = all_rows(world)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("comets.operators.retention.today", lambda _: date(2028, 1, 1))
            maintenance = world.run_other("comet_maintenance", "2027-03-02T04:00:00+00:00")
        yield Story(world, before, unconfirmed, unchanged, erasing, after, day, later, maintenance)


def all_rows(world: World) -> dict[str, list[str]]:
    """Return every row of every table as text."""
    tables = world.rows(
        "select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'"
    )
    names = [row["table_name"] for row in tables]
    return {
        name: [row["content"] for row in world.rows(f"select t::text as content from {name} as t order by 1")]
        for name in names
    }


def named(contents: dict[str, list[str]]) -> list[str]:
    """Return rows with any identifier of the erased creator."""
    return [row for rows in contents.values() for row in rows if any(trace in row for trace in TRACES)]


def test_erased_creator_is_in_no_table(story: Story) -> None:
    outcome, _ = story.erasing
    assert outcome.state == "success"
    assert len(named(story.before)) >= 10
    assert named(story.after) == []


def test_handle_alone_erases_nothing_and_names_the_uid_to_confirm(story: Story) -> None:
    outcome, log = story.unconfirmed
    assert outcome.state == "failed"
    assert f"leads to the uid {ERASED.uid}" in log
    assert ERASED.handle not in log
    assert story.unchanged == story.before


def test_erasure_ends_with_a_proof(story: Story) -> None:
    _, log = story.erasing
    assert "no row of the creators' database has an id or a handle of the creator" in log
    assert "Not visible from this task: Airflow's own database" in log


def test_log_and_xcom_do_not_name_the_erased_creator(story: Story) -> None:
    outcome, log = story.erasing
    assert "creator_stats: 1 rows" in log
    with create_session() as session:
        values = [row.value for row in session.query(XComModel).filter(XComModel.run_id == outcome.run_id)]
    text = f"{log} {values}"
    assert "creator_stats" in str(values)
    assert [trace for trace in TRACES if trace in text] == []


def test_later_run_does_not_store_the_erased_creator(story: Story) -> None:
    assert (story.day.state, story.day.fetches_of(ERASED)) == ("success", [])
    assert set(story.day.creators) == {OTHER.uid}
    assert named(story.later) == []
    assert ERASED.handle not in story.day.log


def test_erased_author_is_rejected_without_raw_json(story: Story) -> None:
    [item] = [row for row in story.later["comet_rejected_items"] if "author_erased" in row]
    assert item.endswith(",author_erased,)")


def test_other_creator_keeps_its_rows_and_growth(story: Story) -> None:
    for table in ("creators", "creator_stats", "comet_discoveries", "comet_videos"):
        assert [row for row in story.after[table] if OTHER.uid in row] == [
            row for row in story.before[table] if OTHER.uid in row
        ]
    assert list(story.world.history(OTHER, "basis").values()) == ["observed"] * 2


def test_maintenance_deletes_rows_past_retention(story: Story) -> None:
    outcome, log = story.maintenance
    assert outcome.state == "success"
    assert "comet_videos: 1 rows deleted" in log
    assert outcome.tasks == {"trim_landing": "success", "delete_task_logs": "success"}
    assert "log files deleted in " in log


@pytest.mark.parametrize("operator", [ForgetCreatorOperator, TrimLandingOperator])
def test_outdated_schema_names_the_setup_file(comets_connection: str, operator: type[BaseOperator]) -> None:
    with psycopg.connect(comets_connection) as connection:
        connection.execute("update comet_schema set version = 1")
    context = run_context("run", "2026-03-01T02:00:00+00:00", creator="1")
    with pytest.raises(DatabaseError, match=r"include/sql/setup_database\.sql"):
        operator(task_id="task").execute(context)
