"""The roll call: whole runs of the Dag in which creators vanish and come back, and TikHub fails."""

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
    """Who is found on the first day and by no search after it, named by what happens to them."""

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
    """Four days of March, by their number, and what was tried on top of them."""

    world: World
    days: dict[int, Day]
    again: Day
    """Day 3 run once more after day 4."""
    unchanged: bool
    """Whether that left every row as it was."""
    refreshed: Day
    """Day 4 run once more, with `refresh`."""
    refused: Day
    """Day 5, with params that are refused."""


@pytest.fixture(scope="module")
def story(new_world: NewWorld) -> Iterator[Story]:
    with new_world() as world:
        yield told(world)


def told(world: World) -> Story:
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
    refused = world.run("2026-03-05", hashtag="#")
    return Story(world, days, again, unchanged, refreshed, refused)


def test_everybody_is_asked_once_by_sec_uid_with_hearts_and_videos_to_show(story: Story) -> None:
    assert sorted(story.days[1].asked) == sorted(player.sec_uid for player in PLAYERS)
    assert story.days[1].state == "success"
    counts = story.world.rows("select * from creator_stats where recorded_date = '2026-03-01'")
    assert len(counts) == len(PLAYERS)
    assert all(row["heart_count"] > 0 and row["video_count"] > 0 for row in counts)


def test_a_creator_that_no_search_finds_any_more_keeps_a_snapshot_every_day(story: Story) -> None:
    history = story.world.history(PLAYERS.steady, "basis", "heart_count")
    assert list(history) == [f"2026-03-{number:02}" for number in story.days]
    assert all(basis == "observed" and hearts is not None for basis, hearts in history.values())


def test_an_identifier_that_tikhub_refuses_is_followed_by_the_next_one_at_once(story: Story) -> None:
    for player, tries in ((PLAYERS.known_by_uid, 2), (PLAYERS.known_by_handle, 3)):
        assert story.days[2].asked_for(player) == list(identifiers_of(player))[:tries]
        assert story.world.history(player, "basis")["2026-03-02"] == "observed"
    places = [story.days[2].asked.index(identifier) for identifier in identifiers_of(PLAYERS.known_by_handle)]
    assert places == [places[0], places[0] + 1, places[0] + 2]


def test_who_cannot_be_fetched_costs_three_calls_is_named_and_turns_no_run_red(story: Story) -> None:
    day = story.days[2]
    assert day.state == "success"
    for player in (PLAYERS.away, PLAYERS.lost):
        assert day.asked_for(player) == list(identifiers_of(player))
        assert f"@{player.handle} (refused)" in day.log
    assert "2 unreachable" in day.log


def test_a_creator_for_whom_tikhub_always_fails_costs_three_calls_and_no_other_creator(story: Story) -> None:
    day = story.days[3]
    assert day.state == "success"
    assert len(day.asked_for(PLAYERS.broken)) == 3
    assert f"@{PLAYERS.broken.handle} (failed)" in day.log
    # The one that is gone has three calls too, everybody else one.
    assert len(day.asked) == 3 + 3 + len(PLAYERS) - 2 + 1


def test_too_many_requests_are_repeated_until_the_profile_is_there(story: Story) -> None:
    assert len(story.days[2].asked_for(PLAYERS.throttled)) == 5
    assert story.world.history(PLAYERS.throttled, "basis")["2026-03-02"] == "observed"


def test_the_answer_of_somebody_who_took_over_a_handle_is_not_taken(story: Story) -> None:
    assert story.days[3].asked_for(PLAYERS.lost)[-1] == PLAYERS.lost.handle
    assert story.world.rows("select from comet_profiles where user_id = %s", IMPOSTOR.uid) == []
    assert IMPOSTOR.uid not in story.days[4].creators
    [call] = story.world.rows(
        "select error_type, is_billed from comet_calls where run_id = %s and user_id = %s and status_code = 200",
        story.days[3].run_id,
        PLAYERS.lost.uid,
    )
    assert call == {"error_type": "TikHubAmbiguousError", "is_billed": True}


def test_when_every_hashtag_fails_tracked_creators_are_asked_and_recorded_and_the_run_is_red(story: Story) -> None:
    day = story.days[4]
    assert day.state == "failed"
    assert (day.tasks["filter_comets"], day.tasks["upsert_creators"]) == ("upstream_failed", "upstream_failed")
    assert (day.tasks["roll_call[0]"], day.tasks["record_growth"]) == ("success", "success")
    everybody = {*PLAYERS, NEWCOMER}
    assert sorted(day.asked) == sorted(player.sec_uid for player in everybody)
    recorded = story.world.rows(
        "select user_id from creator_stats where recorded_date = '2026-03-04' and basis = 'observed'"
    )
    assert {row["user_id"] for row in recorded} == {player.uid for player in everybody}
    assert story.world.rows("select is_run from comet_dates where recorded_date = '2026-03-04'") == [{"is_run": True}]


def test_a_refused_run_asks_nobody_and_leaves_nothing(story: Story) -> None:
    assert story.refused.tasks.pop("accept_run") == story.refused.state == "failed"
    assert set(story.refused.tasks.values()) == {"upstream_failed"}
    assert (story.refused.searches, story.refused.asked) == ([], [])
    assert "The run is refused, no call was made" in story.refused.log
    for table in ("comet_runs", "comet_dates"):
        assert story.world.rows(f"select from {table} where recorded_date = '2026-03-05'") == []


def test_a_finished_past_day_run_again_makes_no_call_and_changes_no_row_even_for_the_unreachable(story: Story) -> None:
    assert story.again.state == "success"
    assert (story.again.searches, story.again.asked) == ([], [])
    assert story.unchanged


def test_refresh_asks_again(story: Story) -> None:
    assert len(story.refreshed.searches) == 1
    assert sorted(story.refreshed.asked) == sorted(player.sec_uid for player in (*PLAYERS, NEWCOMER))


def test_the_report_says_what_was_asked_and_what_was_re_used(story: Story) -> None:
    replay = "Replay of the past date 2026-03-03. Searches: 0 fetched, 1 reused"
    assert replay in story.again.log
    assert "Replay of the past date 2026-03-02. Searches: 1 fetched, 0 reused" in story.days[2].log
    assert (
        "Roll call: 6 of 8 creators fetched, 0 reused (read on this date or later), 2 unreachable" in story.days[2].log
    )
    assert "Roll call: 0 of 8 creators fetched, 8 reused" in story.again.log
    assert "Refresh of the past date 2026-03-04. Searches: 1 fetched, 0 reused" in story.refreshed.log


SIX = cast(6)


def test_a_budget_too_small_for_the_roll_call_stops_it_and_keeps_what_was_read(world: World) -> None:
    day = world.run("2026-03-01", page_of(*SIX), max_api_calls=4)
    assert day.state == "failed"
    assert day.tasks["roll_call[0]"] == "failed"
    assert (len(day.searches), len(day.asked)) == (1, 3)
    with_hearts = world.rows("select from creator_stats where heart_count is not null")
    assert (len(with_hearts), len(world.rows("select from creator_stats"))) == (3, 6)
    assert "Stopped: The run's budget of 4 TikHub calls is spent: " in day.log
    assert "Creators not fetched: 3. The run stopped" in day.log
