"""The roll call: Dag runs in which creators vanish and return, and TikHub fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from include.sandbox.creators import Creator
from tests.dags.conftest import NewWorld
from tests.dags.worlds import SEARCH, Day, World, cast, failing, identifiers_of, page_of

OTHER_HASHTAG = "cozygaming"


class Players(NamedTuple):
    """Creators found only on the first day, named by their case."""

    steady: Creator
    known_by_uid: Creator
    known_by_handle: Creator
    away: Creator
    lost: Creator
    broken: Creator
    throttled: Creator


PLAYERS = Players(*cast(9)[:7])
NEWCOMER, IMPOSTOR = cast(9)[7:]


@dataclass(frozen=True)
class Story:
    """Four days of March by number, and further runs."""

    world: World
    days: dict[int, Day]
    again: Day
    """Rerun of day 3 after day 4."""
    unchanged: bool
    """Whether the rerun changed no row."""
    refreshed: Day
    """Rerun of day 4 with `refresh`."""
    rejected: Day
    """Day 5 with invalid params."""


@pytest.fixture(scope="module")
def story(new_world: NewWorld) -> Iterator[Story]:
    with new_world() as world:
        yield run_story(world)


def run_story(world: World) -> Story:
    change = world.sandbox.change_creator
    days = {}
    days[1] = world.run("2026-03-01", page_of(*PLAYERS))

    found_elsewhere = page_of(NEWCOMER, hashtag=OTHER_HASHTAG)
    change(PLAYERS.away.uid, is_gone=True)
    change(PLAYERS.lost.uid, is_gone=True)
    by_sec_uid, by_uid, by_handle = identifiers_of(PLAYERS.throttled)
    days[2] = world.run(
        "2026-03-02",
        found_elsewhere,
        *failing(PLAYERS.known_by_uid.sec_uid),
        *failing(PLAYERS.known_by_handle.sec_uid, PLAYERS.known_by_handle.uid),
        *failing(by_sec_uid, status=429, retry_after=0, times=2),
        *failing(by_uid, by_handle, status=429, retry_after=0, times=1),
        hashtag=OTHER_HASHTAG,
    )

    change(PLAYERS.away.uid, is_gone=False)
    change(IMPOSTOR.uid, handle=PLAYERS.lost.handle)
    broken = failing(*identifiers_of(PLAYERS.broken), status=500)
    days[3] = world.run("2026-03-03", found_elsewhere, *broken, hashtag=OTHER_HASHTAG)

    change(PLAYERS.lost.uid, is_gone=False)
    days[4] = world.run("2026-03-04", {"route": SEARCH, "fault": "status", "status": 503}, hashtag=OTHER_HASHTAG)

    before = world.contents()
    again = world.run("2026-03-03", clock="2026-03-04T08:00:00Z", hashtag=OTHER_HASHTAG)
    unchanged = world.contents() == before
    refreshed = world.run(
        "2026-03-04", found_elsewhere, clock="2026-03-04T09:00:00Z", refresh=True, hashtag=OTHER_HASHTAG
    )
    rejected = world.run("2026-03-05", hashtag="#")
    return Story(world, days, again, unchanged, refreshed, rejected)


def test_each_profile_is_fetched_once_by_sec_uid(story: Story) -> None:
    assert sorted(story.days[1].fetched) == sorted(player.sec_uid for player in PLAYERS)
    assert story.days[1].state == "success"
    counts = story.world.rows("select * from creator_stats where recorded_date = '2026-03-01'")
    assert len(counts) == len(PLAYERS)
    assert all(row["heart_count"] > 0 and row["video_count"] > 0 for row in counts)


def test_creator_absent_from_searches_has_a_snapshot_every_day(story: Story) -> None:
    history = story.world.history(PLAYERS.steady, "basis", "heart_count")
    assert list(history) == [f"2026-03-{number:02}" for number in story.days]
    assert all(basis == "observed" and hearts is not None for basis, hearts in history.values())


def test_rejected_identifier_falls_back_to_the_next_at_once(story: Story) -> None:
    for player, tries in ((PLAYERS.known_by_uid, 2), (PLAYERS.known_by_handle, 3)):
        assert story.days[2].fetches_of(player) == list(identifiers_of(player))[:tries]
        assert story.world.history(player, "basis")["2026-03-02"] == "observed"
    places = [story.days[2].fetched.index(identifier) for identifier in identifiers_of(PLAYERS.known_by_handle)]
    assert places == [places[0], places[0] + 1, places[0] + 2]


def test_unreachable_creator_costs_three_calls_and_is_named(story: Story) -> None:
    day = story.days[2]
    assert day.state == "success"
    for player in (PLAYERS.away, PLAYERS.lost):
        assert day.fetches_of(player) == list(identifiers_of(player))
        assert f"{player.uid} (refused)" in day.log
        assert player.handle not in day.log
    assert "2 unreachable" in day.log


def test_failing_profile_costs_three_calls_and_no_other_creator(story: Story) -> None:
    day = story.days[3]
    assert day.state == "success"
    assert len(day.fetches_of(PLAYERS.broken)) == 3
    assert f"{PLAYERS.broken.uid} (failed)" in day.log
    assert len(day.fetched) == 3 + 3 + len(PLAYERS) - 2 + 1


def test_rate_limited_profile_is_retried_until_fetched(story: Story) -> None:
    assert len(story.days[2].fetches_of(PLAYERS.throttled)) == 5
    assert story.world.history(PLAYERS.throttled, "basis")["2026-03-02"] == "observed"


def test_profile_of_a_reused_handle_is_not_stored(story: Story) -> None:
    assert story.days[3].fetches_of(PLAYERS.lost)[-1] == PLAYERS.lost.handle
    assert story.world.rows("select from comet_profiles where user_id = %s", IMPOSTOR.uid) == []
    assert IMPOSTOR.uid not in story.days[4].creators
    [call] = story.world.rows(
        "select error_type, is_billed from comet_calls where run_id = %s and user_id = %s and status_code = 200",
        story.days[3].run_id,
        PLAYERS.lost.uid,
    )
    assert call == {"error_type": "TikHubAmbiguousError", "is_billed": True}


def test_run_without_any_search_still_records_tracked_creators_and_fails(story: Story) -> None:
    day = story.days[4]
    assert day.state == "failed"
    assert (day.tasks["filter_comets"], day.tasks["upsert_creators"]) == ("upstream_failed", "upstream_failed")
    assert (day.tasks["roll_call[0]"], day.tasks["record_growth"]) == ("success", "success")
    tracked = {*PLAYERS, NEWCOMER}
    assert sorted(day.fetched) == sorted(player.sec_uid for player in tracked)
    recorded = story.world.rows(
        "select user_id from creator_stats where recorded_date = '2026-03-04' and basis = 'observed'"
    )
    assert {row["user_id"] for row in recorded} == {player.uid for player in tracked}
    assert story.world.rows("select is_run from comet_dates where recorded_date = '2026-03-04'") == [{"is_run": True}]


def test_rejected_run_makes_no_call_and_stores_nothing(story: Story) -> None:
    assert story.rejected.tasks.pop("accept_run") == story.rejected.state == "failed"
    assert set(story.rejected.tasks.values()) == {"upstream_failed"}
    assert (story.rejected.searches, story.rejected.fetched) == ([], [])
    assert "The run is refused, no call was made" in story.rejected.log
    for table in ("comet_runs", "comet_dates"):
        assert story.world.rows(f"select from {table} where recorded_date = '2026-03-05'") == []


def test_rerun_of_a_past_date_makes_no_call_and_changes_no_row(story: Story) -> None:
    assert story.again.state == "success"
    assert (story.again.searches, story.again.fetched) == ([], [])
    assert story.unchanged


def test_refresh_fetches_again(story: Story) -> None:
    assert len(story.refreshed.searches) == 1
    assert sorted(story.refreshed.fetched) == sorted(player.sec_uid for player in (*PLAYERS, NEWCOMER))


def test_report_counts_fetched_and_reused(story: Story) -> None:
    replay = "Replay of the past date 2026-03-03. Searches: 0 fetched, 1 reused"
    assert replay in story.again.log
    assert "Replay of the past date 2026-03-02. Searches: 1 fetched, 0 reused" in story.days[2].log
    assert (
        "Roll call: 6 of 8 creators fetched, 0 reused (read on this date or later), 2 unreachable" in story.days[2].log
    )
    assert "Roll call: 0 of 8 creators fetched, 8 reused" in story.again.log
    assert "Refresh of the past date 2026-03-04. Searches: 1 fetched, 0 reused" in story.refreshed.log


SIX = cast(6)


def test_spent_budget_stops_the_roll_call_and_keeps_fetched_profiles(world: World) -> None:
    day = world.run("2026-03-01", page_of(*SIX), max_api_calls=4)
    assert day.state == "failed"
    assert day.tasks["roll_call[0]"] == "failed"
    assert (len(day.searches), len(day.fetched)) == (1, 3)
    with_hearts = world.rows("select from creator_stats where heart_count is not null")
    assert (len(with_hearts), len(world.rows("select from creator_stats"))) == (3, 6)
    assert "Stopped: The run's budget of 4 TikHub calls is spent: " in day.log
    assert "Creators not fetched: 3. The run stopped" in day.log
