"""Dag runs for missed dates and reruns of today."""

from __future__ import annotations

from comets.dates import today
from tests.dags.worlds import World, cast, page_of

GROWING, HIDDEN, NEWCOMER = cast(3)


def test_missed_date_is_searched_and_fetches_only_profiles_not_read_since(world: World) -> None:
    for creator in (GROWING, HIDDEN):
        world.sandbox.change_creator(creator.uid, follower_count=20_000)
    world.run("2026-03-01", page_of(GROWING, hidden=[HIDDEN]))
    grown = {GROWING: 20_100, HIDDEN: 26_000, NEWCOMER: 20_100}
    for creator, count in grown.items():
        world.sandbox.change_creator(creator.uid, follower_count=count)
    world.run("2026-03-03", page_of(GROWING, hidden=[HIDDEN], followers=grown))

    late = world.run(
        "2026-03-02", page_of(GROWING, NEWCOMER, hidden=[HIDDEN], followers=grown), clock="2026-03-03T08:00:00Z"
    )
    assert (late.state, len(late.searches), late.fetched) == ("success", 1, [NEWCOMER.sec_uid])
    assert "Replay of the past date 2026-03-02. Searches: 1 fetched, 0 reused" in late.log
    assert "Roll call: 1 of 3 creators fetched, 2 reused" in late.log
    assert [list(world.history(creator, "follower_count", "basis").values()) for creator in (GROWING, HIDDEN)] == [
        [(20_000, "observed"), (20_050, "estimated"), (20_100, "observed")],
        [(20_000, "observed"), (23_000, "estimated"), (26_000, "observed")],
    ]
    assert world.history(NEWCOMER, "basis") == {"2026-03-02": "late", "2026-03-03": "observed"}


def test_second_run_of_today_fetches_again_and_its_counts_win(world: World) -> None:
    date = today("UTC").isoformat()
    world.sandbox.change_creator(GROWING.uid, follower_count=20_000)
    first = world.run(date, page_of(GROWING))
    assert f"Live run of {date}. Searches: 1 fetched, 0 reused" in first.log
    assert world.history(GROWING, "follower_count") == {date: 20_000}

    world.sandbox.change_creator(GROWING.uid, follower_count=21_500)
    second = world.run(date, page_of(GROWING), clock=f"{date}T14:00:00Z")
    assert (len(second.searches), second.fetched) == (1, [GROWING.sec_uid])
    assert "Roll call: 1 of 1 creators fetched, 0 reused" in second.log
    assert world.history(GROWING, "follower_count", "basis") == {date: (21_500, "observed")}
