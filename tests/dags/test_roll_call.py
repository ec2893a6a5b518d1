"""The roll call: whole runs of the Dag in which creators are renamed, vanish, come back, outgrow the band and fall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
import pytest

from include.sandbox.creators import Creator
from tests.dags.conftest import NewWorld
from tests.dags.worlds import PROFILE, SEARCH, Day, World, cast, failing, identifiers_of, page_of

OTHER_HASHTAG = "cozygaming"


class Players(NamedTuple):
    """Who is found on the first day and by no search after it, named by what happens to them."""

    steady: Creator
    known_by_uid: Creator
    known_by_handle: Creator
    renamed: Creator
    away: Creator
    lost: Creator
    grown: Creator
    fallen: Creator
    broken: Creator
    throttled: Creator


PLAYERS = Players(*cast(12)[:10])
NEWCOMER, IMPOSTOR = cast(12)[10:]
NEW_HANDLE = "renamed.on.day.three"


@dataclass(frozen=True)
class Story:
    """Some days of March, by their number, and what was tried on top of them."""

    world: World
    days: dict[int, Day]
    again: Day
    """Day 3 run once more after day 11."""
    unchanged: bool
    """Whether that left every row as it was."""
    refreshed: Day
    """Day 11 run once more, with `refresh`."""
    refused: Day
    """Day 12, with params that are refused."""


@pytest.fixture(scope="module")
def story(new_world: NewWorld) -> Iterator[Story]:
    with new_world() as world:
        yield told(world)


def told(world: World) -> Story:
    change = world.sandbox.change_creator
    days = {}
    for player in (PLAYERS.away, PLAYERS.fallen, PLAYERS.grown):
        change(player.uid, follower_count=20_000)
    days[1] = world.run("2026-03-01", page_of(*PLAYERS))

    found_elsewhere = page_of(NEWCOMER, hashtag=OTHER_HASHTAG)
    change(PLAYERS.away.uid, is_gone=True)
    change(PLAYERS.lost.uid, is_gone=True)
    change(PLAYERS.grown.uid, follower_count=100_001)
    change(PLAYERS.fallen.uid, follower_count=0)
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

    change(PLAYERS.fallen.uid, follower_count=500)
    change(PLAYERS.renamed.uid, handle=NEW_HANDLE)
    change(IMPOSTOR.uid, handle=PLAYERS.lost.handle)
    days[3] = world.run("2026-03-03", found_elsewhere, hashtag=OTHER_HASHTAG)

    change(PLAYERS.away.uid, is_gone=False, follower_count=23_000)
    days[4] = world.run("2026-03-04", found_elsewhere, hashtag=OTHER_HASHTAG)
    days[5] = world.run("2026-03-05", {"route": SEARCH, "fault": "status", "status": 503}, hashtag=OTHER_HASHTAG)
    days[10] = world.run(
        "2026-03-10", found_elsewhere, *failing(*identifiers_of(PLAYERS.broken), status=500), hashtag=OTHER_HASHTAG
    )
    change(PLAYERS.lost.uid, is_gone=False)
    days[11] = world.run("2026-03-11", found_elsewhere, hashtag=OTHER_HASHTAG)

    before = world.contents()
    again = world.run("2026-03-03", clock="2026-03-11T08:00:00Z", hashtag=OTHER_HASHTAG)
    unchanged = world.contents() == before
    refreshed = world.run(
        "2026-03-11", found_elsewhere, clock="2026-03-11T09:00:00Z", refresh=True, hashtag=OTHER_HASHTAG
    )
    refused = world.run("2026-03-12", hashtag="#")
    return Story(world, days, again, unchanged, refreshed, refused)


def test_everybody_is_asked_once_by_sec_uid_with_hearts_and_videos_to_show(story: Story) -> None:
    assert sorted(story.days[1].asked) == sorted(player.sec_uid for player in PLAYERS)
    assert story.days[1].state == "success"
    counts = story.world.rows("select * from creator_stats where recorded_date = '2026-03-01'")
    assert len(counts) == len(PLAYERS)
    assert all(row["heart_count"] > 0 and row["video_count"] > 0 for row in counts)


def test_a_creator_that_no_search_finds_any_more_keeps_a_snapshot_every_day(story: Story) -> None:
    history = story.world.history(PLAYERS.steady, "basis", "heart_count")
    assert [date for date, (basis, _) in history.items() if basis == "observed"] == [
        f"2026-03-{number:02}" for number in story.days
    ]
    assert all(hearts is not None for _, hearts in history.values())


def test_an_identifier_that_tikhub_refuses_is_followed_by_the_next_one_at_once(story: Story) -> None:
    for player, tries in ((PLAYERS.known_by_uid, 2), (PLAYERS.known_by_handle, 3)):
        assert story.days[2].asked_for(player) == list(identifiers_of(player))[:tries]
        assert story.world.history(player, "basis")["2026-03-02"] == "observed"
    places = [story.days[2].asked.index(identifier) for identifier in identifiers_of(PLAYERS.known_by_handle)]
    assert places == [places[0], places[0] + 1, places[0] + 2]


def test_who_cannot_be_fetched_costs_three_calls_is_named_and_turns_no_run_red(story: Story) -> None:
    for number in (2, 3):
        day = story.days[number]
        assert day.state == "success"
        for player in (PLAYERS.away, PLAYERS.lost):
            assert day.asked_for(player) == list(identifiers_of(player))
            assert f"@{player.handle} (refused)" in day.log
        assert "2 unreachable" in day.log


def test_a_creator_for_whom_tikhub_always_fails_costs_three_calls_and_no_other_creator(story: Story) -> None:
    day = story.days[10]
    assert day.state == "success"
    assert len(day.asked_for(PLAYERS.broken)) == 3
    assert f"@{PLAYERS.broken.handle} (failed)" in day.log
    # The others are asked once each: not the one who is missing.
    assert len(day.asked) == 3 + len(PLAYERS) - 2 + 1


def test_too_many_requests_are_repeated_until_the_profile_is_there(story: Story) -> None:
    assert len(story.days[2].asked_for(PLAYERS.throttled)) == 5
    assert story.world.history(PLAYERS.throttled, "basis")["2026-03-02"] == "observed"


def test_the_answer_of_somebody_who_took_over_a_handle_is_not_taken(story: Story) -> None:
    assert story.days[3].asked_for(PLAYERS.lost)[-1] == PLAYERS.lost.handle
    assert story.world.rows("select from comet_profiles where user_id = %s", IMPOSTOR.uid) == []
    assert IMPOSTOR.uid not in story.days[11].creators
    [call] = story.world.rows(
        "select error_type, is_billed from comet_calls where run_id = %s and user_id = %s and status_code = 200",
        story.days[3].run_id,
        PLAYERS.lost.uid,
    )
    assert call == {"error_type": "TikHubAmbiguousError", "is_billed": True}


def test_a_rename_keeps_one_history_and_both_handles(story: Story) -> None:
    assert story.days[2].creators[PLAYERS.renamed.uid]["handle"] == PLAYERS.renamed.handle
    assert story.days[3].creators[PLAYERS.renamed.uid]["handle"] == NEW_HANDLE
    handles = story.world.rows(
        "select handle, first_seen_at::date::text as since from comet_handles"
        " where user_id = %s order by first_seen_at",
        PLAYERS.renamed.uid,
    )
    assert handles == [
        {"handle": PLAYERS.renamed.handle, "since": "2026-03-01"},
        {"handle": NEW_HANDLE, "since": "2026-03-03"},
    ]
    assert list(story.world.history(PLAYERS.renamed, "basis")) == [f"2026-03-{number:02}" for number in story.days]


def test_two_days_away_are_estimated_and_never_a_fall_to_zero(story: Story) -> None:
    history = story.world.history(PLAYERS.away, "follower_count", "basis", "daily_growth_followers")
    assert [history[f"2026-03-0{number}"] for number in (1, 2, 3, 4)] == [
        (20_000, "observed", 0),
        (21_000, "estimated", 1_000),
        (22_000, "estimated", 1_000),
        (23_000, "observed", 1_000),
    ]
    assert {day.creators[PLAYERS.away.uid]["status"] for day in story.days.values()} == {"tracked"}


def test_after_three_days_a_creator_is_missing_asked_on_the_seventh_day_and_returns_by_itself(story: Story) -> None:
    standing = {number: day.creators[PLAYERS.lost.uid]["status"] for number, day in story.days.items()}
    assert standing == {
        1: "tracked",
        2: "tracked",
        3: "tracked",
        4: "missing",
        5: "missing",
        10: "missing",
        11: "tracked",
    }
    asked = [number for number, day in story.days.items() if day.asked_for(PLAYERS.lost)]
    assert asked == [1, 2, 3, 4, 11]
    assert "1 missing" in story.days[10].log
    history = story.world.history(PLAYERS.lost, "basis")
    assert {history[f"2026-03-{number:02}"] for number in (2, 3, 4, 5, 10)} == {"estimated"}


def test_who_outgrows_the_band_is_graduated_and_still_recorded(story: Story) -> None:
    assert story.days[1].creators[PLAYERS.grown.uid]["status"] == "tracked"
    assert story.days[2].creators[PLAYERS.grown.uid]["status"] == "graduated"
    assert story.days[3].asked_for(PLAYERS.grown) == [PLAYERS.grown.sec_uid]
    history = story.world.history(PLAYERS.grown, "follower_count", "basis", "daily_growth_followers")
    assert history["2026-03-02"] == (100_001, "observed", 80_001)
    assert history["2026-03-03"] == (100_001, "observed", 0)


def test_a_profile_with_no_followers_is_a_known_zero(story: Story) -> None:
    history = story.world.history(
        PLAYERS.fallen, "follower_count", "basis", "daily_growth_followers", "daily_growth_percent"
    )
    assert history["2026-03-02"] == (0, "observed", -20_000, -100)
    assert history["2026-03-03"] == (500, "observed", 500, None)


def test_when_every_hashtag_fails_tracked_creators_are_asked_and_recorded_and_the_run_is_red(story: Story) -> None:
    day = story.days[5]
    assert day.state == "failed"
    assert (day.tasks["filter_comets"], day.tasks["upsert_creators"]) == ("upstream_failed", "upstream_failed")
    assert (day.tasks["roll_call[0]"], day.tasks["record_growth"]) == ("success", "success")
    asked = {*PLAYERS, NEWCOMER} - {PLAYERS.lost}
    assert sorted(day.asked) == sorted(player.sec_uid for player in asked)
    recorded = story.world.rows(
        "select user_id from creator_stats where recorded_date = '2026-03-05' and basis = 'observed'"
    )
    assert {row["user_id"] for row in recorded} == {player.uid for player in asked}
    assert story.world.rows("select from comet_discoveries where recorded_date = '2026-03-05'") == []


def test_a_refused_run_asks_nobody(story: Story) -> None:
    assert story.refused.state == "failed"
    assert (story.refused.searches, story.refused.asked) == ([], [])
    assert story.world.rows("select from comet_dates where recorded_date = '2026-03-12'") == []


def test_a_finished_past_day_run_again_makes_no_call_and_changes_no_row_even_for_the_unreachable(story: Story) -> None:
    assert story.again.state == "success"
    assert (story.again.searches, story.again.asked) == ([], [])
    assert story.unchanged


def test_refresh_asks_again(story: Story) -> None:
    assert len(story.refreshed.searches) == 1
    assert sorted(story.refreshed.asked) == sorted(player.sec_uid for player in (*PLAYERS, NEWCOMER))


def test_the_report_says_what_was_asked_and_what_was_re_used(story: Story) -> None:
    replay = "Replay of the past date 2026-03-03: 0 searches made, 1 re-used"
    assert replay in story.again.log
    assert "Replay of the past date 2026-03-02: 1 searches made, 0 re-used" in story.days[2].log
    assert (
        "Roll call of 11 creators: 9 read, 0 re-used (answered on that date or later), 2 unreachable"
        in story.days[2].log
    )
    assert "Roll call of 11 creators: 0 read, 11 re-used" in story.again.log
    assert "Refresh of the past date 2026-03-11: 1 searches made, 0 re-used" in story.refreshed.log


SIX = cast(6)


def test_a_budget_too_small_for_the_roll_call_stops_it_and_keeps_what_was_read(world: World) -> None:
    day = world.run("2026-03-01", page_of(*SIX), max_api_calls=4)
    assert day.state == "failed"
    assert day.tasks["roll_call[0]"] == "failed"
    assert (len(day.searches), len(day.asked)) == (1, 3)
    with_hearts = world.rows("select from creator_stats where heart_count is not null")
    assert (len(with_hearts), len(world.rows("select from creator_stats"))) == (3, 6)
    assert "Stopped: The run's budget of 4 TikHub calls is spent: " in day.log
    assert "Creators who were not asked: 3. The run was stopped" in day.log


def test_when_tikhub_answers_for_nobody_the_roll_call_ends_after_four_accounts(world: World) -> None:
    day = world.run("2026-03-01", page_of(*SIX), {"route": PROFILE, "fault": "status", "status": 500})
    assert day.state == "success"
    assert len(day.asked) == 12
    assert "4 unreachable, 0 without an account, 2 not asked" in day.log
    assert "Creators who were not asked: 2. TikHub could not answer for the accounts before them" in day.log
    assert len(world.rows("select from creator_stats")) == 6


def test_after_an_empty_balance_no_further_profile_is_asked_for(world: World) -> None:
    day = world.run("2026-03-01", page_of(*SIX), {"route": PROFILE, "fault": "status", "status": 402})
    assert day.state == "failed"
    assert len(day.asked) == 1
    assert "Stopped: TikHub refused a call for lack of balance (HTTP 402)" in day.log
    assert "Creators who were not asked: 6. The run was stopped" in day.log
    assert day.tasks["record_growth"] == "success"


def test_a_creator_keyed_by_sec_uid_is_asked_by_it_and_moves_with_its_history(world: World) -> None:
    legacy, other = cast(2)
    with psycopg.connect(world.database_url) as connection:
        connection.execute("insert into creators (user_id, handle) values (%s, %s)", [legacy.sec_uid, legacy.handle])
        connection.execute(
            "insert into creator_stats (user_id, recorded_date, follower_count, basis)"
            " values (%s, '2026-02-27', 15000, 'observed')",
            [legacy.sec_uid],
        )
        connection.execute("insert into comet_dates (recorded_date, is_run) values ('2026-02-27', false)")
    world.sandbox.change_creator(legacy.uid, follower_count=17_000)
    first = world.run("2026-03-01", page_of(other))
    assert sorted(first.asked) == sorted([legacy.sec_uid, other.sec_uid])
    assert set(first.creators) == {legacy.uid, other.uid}
    history = world.history(legacy, "follower_count", "daily_growth_followers", "gap_days")
    assert history == {"2026-02-27": (15_000, None, None), "2026-03-01": (17_000, 1_000, 2)}
    again = world.run("2026-03-01", clock="2026-03-02T02:00:00Z")
    assert again.asked == []
    assert "2 re-used" in again.log
