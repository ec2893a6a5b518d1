"""Quality checks: runs with bad data publish nothing, name the cause, and recover."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from include.stack.project import REPAIR_FILE
from tests.dags.conftest import NewWorld
from tests.dags.worlds import SEARCH, Day, Row, World, cast, page_of

FACTS = {
    # found_by_run_id depends on the order of runs.
    "creators": "to_jsonb(creators) - 'found_by_run_id' as creator",
    "creator_stats": "user_id, recorded_date, follower_count, heart_count, video_count, basis, counted_at, gap_days,"
    " daily_growth_followers, daily_growth_percent",
    "comet_discoveries": "*",
    "comet_handles": "*",
    "comet_dates": "recorded_date, is_run",
}
TWELVE = cast(12)
FIRST, SECOND = "2026-03-01", "2026-03-02"
FOUND = page_of(*TWELVE)
UNPUBLISHED_TASKS = ("update_creators", "record_growth")
EMPTY_SEARCH_TASKS = (
    "check_search",
    "filter_comets",
    "upsert_creators",
    "roll_call[0]",
    "check_roll_call",
    *UNPUBLISHED_TASKS,
)


def set_followers(world: World, count: int) -> None:
    """Set the follower count of all twelve creators."""
    for creator in TWELVE:
        world.sandbox.change_creator(creator.uid, follower_count=count)


def published(world: World) -> dict[str, list[Row]]:
    """Return facts and results without surrogate ids."""
    return {name: sorted(world.rows(f"select {columns} from {name}"), key=str) for name, columns in FACTS.items()}


def states(day: Day, *tasks: str) -> list[str | None]:
    return [day.tasks[task] for task in tasks]


@dataclass(frozen=True)
class StoppedDay:
    """The second day, stopped by a check."""

    world: World
    day: Day
    before: dict[str, list[Row]]
    after: dict[str, list[Row]]


@pytest.fixture(scope="module")
def first_day(new_world: NewWorld) -> Iterator[World]:
    with new_world() as world:
        set_followers(world, 20_000)
        assert world.run(FIRST, FOUND).state == "success"
        yield world


@pytest.fixture(scope="module")
def undisturbed(new_world: NewWorld, first_day: World) -> dict[str, list[Row]]:
    """The published rows of both days without faults."""
    with new_world(like=first_day) as world:
        set_followers(world, 21_000)
        assert world.run(SECOND, FOUND).state == "success"
        assert world.rows("select from comet_quality_checks where is_failed") == []
        return published(world)


def stop(world: World, *rules: Row, followers: int = 21_000) -> StoppedDay:
    before = published(world)
    set_followers(world, followers)
    day = world.run(SECOND, *rules)
    return StoppedDay(world, day, before, published(world))


def test_empty_searches_publish_nothing_until_the_date_is_run_again(
    new_world: NewWorld, first_day: World, undisturbed: dict[str, list[Row]]
) -> None:
    with new_world(like=first_day) as world:
        stopped = stop(world, {"route": SEARCH, "fault": "items", "items": []})
        assert stopped.day.state == "failed"
        assert states(stopped.day, *EMPTY_SEARCH_TASKS) == [
            "failed",
            "upstream_failed",
            "upstream_failed",
            # Today's counts cannot be fetched later.
            "success",
            "failed",
            "upstream_failed",
            "upstream_failed",
        ]
        assert len(stopped.day.fetched) == 12
        assert stopped.after == stopped.before
        sentence = "0 of 1 hashtags returned videos in the searches of 2026-03-02 (minimum 1)."
        assert stopped.day.log.count(f"QualityCheckError: This run publishes nothing: {sentence}") == 2
        [row] = world.rows("select report from comet_runs where run_id = %s", stopped.day.run_id)
        report = row["report"]
        assert (report["comet_count"], report["call_count"], report["stop_reasons"]) == (0, 13, [sentence])
        [hashtag] = world.rows("select * from comet_hashtag_results where run_id = %s", stopped.day.run_id)
        assert (hashtag["hashtag"], hashtag["call_count"], hashtag["video_count"]) == ("gymtok", 1, 0)

        healed = world.run(SECOND, FOUND)
        assert (healed.state, len(healed.searches), healed.fetched) == ("success", 1, [])
        assert published(world) == undisturbed


@pytest.fixture(scope="module")
def halved(new_world: NewWorld, first_day: World) -> Iterator[StoppedDay]:
    with new_world(like=first_day) as world:
        yield stop(world, FOUND, followers=10_000)


def test_mass_follower_drop_is_not_published(halved: StoppedDay) -> None:
    assert halved.day.state == "failed"
    assert states(halved.day, "check_search", "upsert_creators", "check_roll_call", *UNPUBLISHED_TASKS) == [
        "success",
        "success",
        "failed",
        "upstream_failed",
        "upstream_failed",
    ]
    assert (
        "Followers fell to half or less for 12 of 12 creators (100 %) in the roll call of 2026-03-02 "
        "(maximum 20 %, with at least" in halved.day.log
    )
    for table in ("creator_stats", "comet_dates"):
        assert halved.after[table] == halved.before[table]


def test_unpublished_counts_are_fetched_again(
    new_world: NewWorld, halved: StoppedDay, undisturbed: dict[str, list[Row]]
) -> None:
    with new_world(like=halved.world) as world:
        set_followers(world, 21_000)
        healed = world.run(SECOND, FOUND)
        assert (healed.state, len(healed.searches), len(healed.fetched)) == ("success", 0, 12)
        assert published(world) == undisturbed


def test_time_stamp_of_2099_is_not_believed(
    new_world: NewWorld, first_day: World, caplog: pytest.LogCaptureFixture
) -> None:
    with new_world(like=first_day) as world:
        set_followers(world, 21_000)
        day = world.run(SECOND, FOUND, clock="2099-01-01T02:00:00+00:00")
        assert day.state == "success"
        assert (
            "TikHub's time_stamp 2099-01-01T02:00:00+00:00 is in the future: using this machine's clock" in caplog.text
        )
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        assert world.rows("select from comet_landed_readings where observed_at > %s", tomorrow) == []
        assert world.rows("select from creator_stats where recorded_date > %s", tomorrow) == []


def test_stored_reading_of_2099_stops_every_run_until_it_is_repaired(new_world: NewWorld, first_day: World) -> None:
    with new_world(like=first_day) as world, psycopg.connect(world.database_url, autocommit=True) as connection:
        connection.execute(
            "update comet_profiles set observed_at = '2099-01-01', observed_date = '2099-01-01' where user_id = %s",
            [TWELVE[0].uid],
        )
        stopped = stop(world, FOUND)
        assert states(stopped.day, "check_roll_call", *UNPUBLISHED_TASKS) == ["failed", *["upstream_failed"] * 2]
        assert "1 profiles were read more than a day in the future, the last on 2099-01-01" in stopped.day.log
        assert "include/sql/repair_readings.sql" in stopped.day.log
        assert stopped.after["creator_stats"] == stopped.before["creator_stats"]

        connection.execute(REPAIR_FILE.read_bytes())
        assert world.run(SECOND, FOUND).state == "success"
        [row] = world.rows("select max(last_updated_at) < now() + interval '1 day' as is_right from creators")
        assert row["is_right"]
