"""Late days, repeated days and today: whole runs of the Dag, by what they ask for and what their tables say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from comets.run import today
from include.sandbox.client import SandboxClient
from tests.dags.conftest import NewWorld
from tests.dags.worlds import Day, Row, World, cast, page_of

GROWING, SHRINKING, HIDDEN, NEWCOMER = cast(4)
GROWN = {GROWING: 20_100, SHRINKING: 19_997, HIDDEN: 26_000, NEWCOMER: 20_100}
LATE_HOUR = "2026-03-04T08:00:00Z"
FACTS = {
    # The run that found a creator first depends on the order, on purpose.
    "creators": "to_jsonb(creators) - 'found_by_run_id' as creator",
    "creator_stats": "user_id, recorded_date, follower_count, heart_count, video_count, basis, counted_at, gap_days,"
    " daily_growth_followers, daily_growth_percent",
    "comet_discoveries": "*",
    "comet_handles": "*",
    "comet_dates": "recorded_date, is_run",
}


@dataclass(frozen=True)
class Backfill:
    """Days 1 and 4 on time; days 2 and 3 on day 4, by their date."""

    world: World
    days: dict[str, Day]

    def facts(self) -> dict[str, list[Row]]:
        """All facts and results but ids that only count rows."""
        return {
            name: sorted(self.world.rows(f"select {columns} from {name}"), key=str) for name, columns in FACTS.items()
        }


@pytest.fixture(scope="module")
def on_time(new_world: NewWorld) -> Iterator[World]:
    with new_world() as world:
        for creator in (GROWING, SHRINKING, HIDDEN):
            world.sandbox.change_creator(creator.uid, follower_count=20_000)
        world.run("2026-03-01", page_of(GROWING, SHRINKING, hidden=[HIDDEN]))
        grow(world.sandbox)
        world.run("2026-03-04", page_of(GROWING, SHRINKING, hidden=[HIDDEN], followers=GROWN))
        yield world


def grow(sandbox: SandboxClient) -> None:
    """Let the time between days 1 and 4 pass."""
    for creator, count in GROWN.items():
        sandbox.change_creator(creator.uid, follower_count=count)


@pytest.fixture(scope="module")
def forwards(new_world: NewWorld, on_time: World) -> Iterator[Backfill]:
    with new_world(like=on_time) as world:
        yield backfilled(world, "2026-03-02", "2026-03-03")


@pytest.fixture(scope="module")
def backwards(new_world: NewWorld, on_time: World) -> Iterator[Backfill]:
    with new_world(like=on_time) as world:
        yield backfilled(world, "2026-03-03", "2026-03-02")


def backfilled(world: World, *dates: str) -> Backfill:
    grow(world.sandbox)
    found = {
        "2026-03-02": page_of(GROWING, NEWCOMER, hidden=[HIDDEN], followers=GROWN),
        "2026-03-03": page_of(SHRINKING, hidden=[HIDDEN], followers=GROWN),
    }
    return Backfill(world, {date: world.run(date, found[date], clock=LATE_HOUR) for date in dates})


def test_a_missed_day_is_searched_and_only_who_was_never_read_since_is_asked(
    forwards: Backfill, backwards: Backfill
) -> None:
    for backfill in (forwards, backwards):
        assert {day.state for day in backfill.days.values()} == {"success"}
        assert [len(day.searches) for day in backfill.days.values()] == [1, 1]
        assert backfill.days["2026-03-02"].asked == [NEWCOMER.sec_uid]
        assert backfill.days["2026-03-03"].asked == []
        log = backfill.days["2026-03-02"].log
        assert "Replay of the past date 2026-03-02: 1 searches made, 0 re-used" in log
        assert "Roll call of 4 creators: 1 read, 3 re-used" in log


def test_missed_days_lie_on_the_line_and_growth_adds_up_to_the_true_gain(forwards: Backfill) -> None:
    columns = ("follower_count", "basis", "daily_growth_followers", "daily_growth_percent", "gap_days")
    growing = forwards.world.history(GROWING, *columns)
    assert [(*row[:3], float(row[3]), row[4]) for row in growing.values()] == [
        (20_000, "observed", 0, 0.0, None),
        (20_033, "estimated", 33, 0.17, 1),
        (20_067, "estimated", 34, 0.17, 1),
        (20_100, "observed", 33, 0.16, 1),
    ]
    # A loss of 0.005 % is rounded away from zero.
    shrinking = forwards.world.history(SHRINKING, "follower_count", "daily_growth_percent")
    assert [(count, float(percent)) for count, percent in shrinking.values()] == [
        (20_000, 0.0),
        (19_999, -0.01),
        (19_998, -0.01),
        (19_997, -0.01),
    ]
    assert list(forwards.world.history(HIDDEN, "follower_count", "basis").values()) == [
        (20_000, "observed"),
        (22_000, "estimated"),
        (24_000, "estimated"),
        (26_000, "observed"),
    ]
    assert list(forwards.world.history(NEWCOMER, "follower_count", "basis").items()) == [
        ("2026-03-02", (20_100, "late")),
        ("2026-03-04", (20_100, "observed")),
    ]


def test_missed_days_come_out_the_same_in_both_orders(forwards: Backfill, backwards: Backfill) -> None:
    assert forwards.facts() == backwards.facts()
    assert len(forwards.facts()["creator_stats"]) == 14


def test_a_missed_day_run_again_makes_no_call_and_changes_no_row(new_world: NewWorld, forwards: Backfill) -> None:
    with new_world(like=forwards.world) as world:
        before = world.contents()
        again = world.run("2026-03-02", clock="2026-03-05T02:00:00Z")
        assert (again.state, again.searches, again.asked) == ("success", [], [])
        assert world.contents() == before


def test_a_second_run_of_today_asks_again_and_its_later_counts_win(world: World) -> None:
    date = today("UTC").isoformat()
    world.sandbox.change_creator(GROWING.uid, follower_count=20_000)
    first = world.run(date, page_of(GROWING))
    assert f"Live run of {date}: 1 searches made, 0 re-used" in first.log
    assert world.history(GROWING, "follower_count") == {date: 20_000}

    world.sandbox.change_creator(GROWING.uid, follower_count=21_500)
    second = world.run(date, page_of(GROWING), clock=f"{date}T14:00:00Z")
    assert (len(second.searches), second.asked) == (1, [GROWING.sec_uid])
    assert "Roll call of 1 creators: 1 read, 0 re-used" in second.log
    assert world.history(GROWING, "follower_count", "basis") == {date: (21_500, "observed")}
