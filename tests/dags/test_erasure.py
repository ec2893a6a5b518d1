"""Whole runs of the Dags forget_creator and comet_maintenance between days of comet_discovery."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
import pytest
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session

from tests.dags.conftest import NewWorld
from tests.dags.worlds import Day, Outcome, World, cast, identifiers_of, page_of
from tests.sql.builders import Facts
from tests.sql.erasing import wrong_heads

ERASED, OTHER, LATER = cast(3)
TRACES = (*identifiers_of(ERASED), ERASED.nickname)
BROKEN_CARD = {"aweme_info": {"author": {"uid": ERASED.uid, "unique_id": ERASED.handle}}}


@dataclass(frozen=True)
class Story:
    """A creator is discovered, erased by handle and shown again; another one is refused before it is discovered."""

    world: World
    before: dict[str, list[str]]
    erasing: tuple[Outcome, str]
    after: dict[str, list[str]]
    days: list[Day]
    again: tuple[Outcome, str]
    maintenance: list[tuple[Outcome, str]]
    """As if it was a date on which everything is to be kept, and the day after."""
    kept: dict[str, list[str]]
    trimmed_day: Day


@pytest.fixture(scope="module")
def story(new_world: NewWorld) -> Iterator[Story]:
    with new_world() as world:
        shown: dict[str, Any] = page_of(ERASED, OTHER, LATER)
        hidden: dict[str, Any] = page_of(OTHER, hidden=[ERASED])
        for page in (shown, hidden):
            page["items"].append(BROKEN_CARD)
        world.run("2026-03-01", hidden)
        before = table_contents(world)
        erasing = world.run_other("forget_creator", "2026-03-01T03:00:00+00:00", creator=f"@{ERASED.handle}")
        after = table_contents(world)
        world.run_other("forget_creator", "2026-03-01T04:00:00+00:00", creator=LATER.uid)
        days = [
            world.run("2026-03-02", shown),
            world.run("2026-03-02", hidden, clock="2026-03-02T09:00:00Z", refresh=True),
        ]
        again = world.run_other("forget_creator", "2026-03-02T03:00:00+00:00", creator=ERASED.handle)
        kept = table_contents(world)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("comets.operators.trim_landing.today", lambda _: date(2028, 1, 1))
            maintenance = [
                world.run_other("comet_maintenance", f"{day}T04:00:00+00:00") for day in ("2027-03-01", "2027-03-02")
            ]
        trimmed_day = world.run("2026-03-01", clock="2026-03-02T11:00:00Z")
        yield Story(world, before, erasing, after, days, again, maintenance, kept, trimmed_day)


def table_contents(world: World) -> dict[str, list[str]]:
    """Every row of every table as text."""
    tables = world.rows(
        "select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'"
    )
    names = [row["table_name"] for row in tables]
    return {
        name: [row["content"] for row in world.rows(f"select t::text as content from {name} as t order by 1")]
        for name in names
    }


def named(contents: dict[str, list[str]]) -> list[str]:
    """Rows that name the erased creator in any way."""
    return [row for rows in contents.values() for row in rows if any(trace in row for trace in TRACES)]


def test_the_creator_is_gone_from_every_table(story: Story) -> None:
    outcome, _ = story.erasing
    assert outcome.state == "success"
    assert len(named(story.before)) >= 10
    assert named(story.after) == []


def test_neither_log_nor_xcom_names_the_creator(story: Story) -> None:
    outcome, log = story.erasing
    assert "creator_stats: 1 rows" in log
    with create_session() as session:
        values = [row.value for row in session.query(XComModel).filter(XComModel.run_id == outcome.run_id)]
    text = f"{log} {values}"
    assert "creator_stats" in str(values)
    assert [trace for trace in TRACES if trace in text] == []


def test_no_later_run_lets_it_in_again(story: Story) -> None:
    assert [day.state for day in story.days] == ["success"] * 2
    assert [day.asked_for(ERASED) + day.asked_for(LATER) for day in story.days] == [[]] * 2
    assert set(story.days[-1].creators) == {OTHER.uid}
    assert named(table_contents(story.world)) == []
    assert [day.run_id for day in story.days if ERASED.handle in day.log] == []


def test_ids_that_a_search_shows_together_with_a_refused_one_are_refused_too(story: Story) -> None:
    """LATER was refused by its uid, and its sec_uid was seen afterwards only."""
    assert story.world.rows("select count(*) as count from comet_forgotten") == [{"count": 4}]


def test_what_is_refused_is_counted_as_rejected_without_raw_json(story: Story) -> None:
    items = [row for row in story.kept["comet_rejected_items"] if "author_erased" in row]
    assert len(items) == 3
    assert all(item.endswith(",author_erased,)") for item in items)
    assert len(story.kept["comet_rejected_items"]) == 5
    with psycopg.connect(story.world.database_url) as connection:
        assert wrong_heads(Facts(connection)) == []


def test_the_other_creator_keeps_its_rows_and_grows_on(story: Story) -> None:
    for table in ("creators", "creator_stats", "comet_discoveries", "comet_videos"):
        assert [row for row in story.after[table] if OTHER.uid in row] == [
            row for row in story.before[table] if OTHER.uid in row
        ]
    assert list(story.world.history(OTHER, "basis").values()) == ["observed"] * 2


def test_a_handle_that_is_gone_is_unknown(story: Story) -> None:
    outcome, log = story.again
    assert outcome.state == "failed"
    assert "UnknownCreatorError" in log
    assert ERASED.handle not in log


def test_maintenance_deletes_what_is_older_than_the_settings_keep(story: Story) -> None:
    (early, early_log), (late, late_log) = story.maintenance
    assert (early.state, late.state) == ("success", "success")
    assert "Nothing was that old." in early_log
    assert "comet_videos: 1 rows deleted" in late_log
    assert story.world.rows("select count(*) filter (where is_trimmed) as trimmed_count from comet_pages") == [
        {"trimmed_count": 1}
    ]


def test_a_trimmed_date_run_again_calls_nobody_and_changes_no_result(story: Story) -> None:
    assert (story.trimmed_day.state, story.trimmed_day.searches, story.trimmed_day.asked) == ("success", [], [])
    now = table_contents(story.world)
    for table in ("creators", "creator_stats", "comet_discoveries", "comet_handles"):
        assert now[table] == story.kept[table]


@pytest.mark.parametrize("dag_id", ["forget_creator", "comet_maintenance"])
def test_a_database_without_tables_is_named(world: World, dag_id: str) -> None:
    world.rows("update comet_schema set version = 1 returning version")
    conf = {"creator": "1"} if dag_id == "forget_creator" else {}
    outcome, log = world.run_other(dag_id, **conf)
    assert outcome.state == "failed"
    assert "DatabaseError" in log
    assert "include/sql/setup_database.sql" in log
