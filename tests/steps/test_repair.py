"""repair_readings.sql: after it and one more run, the tables are those of a world whose clocks were right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import LiteralString

import psycopg
import pytest
from hypothesis import Phase, given, settings

from include.stack.project import REPAIR_FILE
from tests.steps.builders import HASHTAG, Facts, Profile, Row, Video, clear_tables, day, everything, noon
from tests.steps.model import Tables
from tests.steps.playback import Playback
from tests.steps.worlds import Landing, World, worlds

WRONG = timedelta(days=365 * 73)
SEARCH, PROFILE = "search", "profile"
STATS: LiteralString = """
    select
        user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent,
        basis, date_trunc('second', counted_at + interval '0.5 s'), gap_days
    from creator_stats
"""
DERIVED: tuple[LiteralString, ...] = (
    "select to_jsonb(creators) from creators order by user_id",
    "select to_jsonb(creator_stats) - 'id' from creator_stats order by user_id, recorded_date",
    "select to_jsonb(comet_handles) from comet_handles order by user_id, handle",
    "select to_jsonb(comet_discoveries) from comet_discoveries order by recorded_date, user_id, video_id, hashtag",
    "select to_jsonb(comet_run_discoveries) from comet_run_discoveries order by run_id, user_id, video_id, hashtag",
    "select to_jsonb(comet_dates) from comet_dates order by recorded_date",
    "select observed_at, observed_date, user_id from comet_videos order by item_id",
    "select observed_at, observed_date, user_id, outcome from comet_profiles order by item_id",
    "select observed_at from comet_pages order by page_id",
)


def record_call(
    facts: Facts,
    run_id: str,
    at: datetime,
    *,
    hashtag: str = HASHTAG,
    user_id: str | None = None,
    error: str | None = None,
) -> None:
    """Insert the finished call of the answer that was landed last."""
    ((offset,),) = facts.rows("select max(page_offset) from comet_pages")
    facts.connection.execute(
        """
        insert into comet_calls (
            run_id, run_attempt, route, hashtag, page_offset, user_id, reserved_at, finished_at, status_code, error_type
        )
        values (%s, 0, 'r', %s, %s, %s, %s, %s, 200, %s)
        """,
        [run_id, None if user_id else hashtag, None if user_id else offset, user_id, at, at, error],
    )


def live(facts: Facts, number: int, is_wrong: Callable[[str, int], bool]) -> None:
    """Run day `number`: its search, and the profiles of three creators of which the first renames itself daily."""
    run_id = facts.accept(run_id=f"day {number}", recorded_date=day(number))
    ahead = {kind: WRONG if is_wrong(kind, number) else timedelta() for kind in (SEARCH, PROFILE)}
    found = ["71", "72"] if number else ["71"]
    videos = [Video(user_id, f"v{user_id}", follower_count=None if user_id == "72" else 20_000) for user_id in found]
    facts.land_page(*videos, recorded_date=day(number), observed_at=noon(day(number)) + ahead[SEARCH], run_id=run_id)
    record_call(facts, run_id, noon(day(number)))
    for place, user_id in enumerate(["72", "71", "73"], 1):
        at = noon(day(number)) + timedelta(minutes=place)
        outcome = "failed" if user_id == "73" and number > 1 else "found"
        count = 20_000 + 1_000 * number**2 + place if outcome == "found" else None
        handle = f"ada{number}" if outcome == "found" and user_id == "71" else None
        profile = Profile(user_id, count, count, 7, outcome, handle)
        facts.land_profile(profile, day(number), at + ahead[PROFILE], run_id=run_id)
        record_call(facts, run_id, at, user_id=user_id, error=None if outcome == "found" else "TikHubTransientError")
    facts.run_again(run_id)


def play(facts: Facts, is_wrong: Callable[[str, int], bool], repaired_after: int | None) -> list[list[Row]]:
    """Run five days, with a repair after one of them; return the rows of all tables that follow from the readings."""
    clear_tables(facts.connection)
    facts.connection.execute(
        "insert into creators (user_id, handle, last_updated_at) values ('73', 'eve', '2026-02-01')"
    )
    for number in range(5):
        live(facts, number, is_wrong)
        if number == repaired_after:
            repair(facts.connection)
    return [facts.rows(query) for query in DERIVED]


def repair(connection: psycopg.Connection[Row]) -> None:
    """Execute the file as `psql -f` does."""
    connection.execute(REPAIR_FILE.read_bytes())


@pytest.mark.parametrize("repaired_after", [1, 2, 3])
@pytest.mark.parametrize(
    "is_wrong",
    [
        pytest.param(lambda kind, number: number == 1, id="a whole run"),
        pytest.param(lambda kind, number: number in (0, 1), id="the first two runs"),
        pytest.param(lambda kind, number: number == 1 and kind == SEARCH, id="a search"),
        pytest.param(lambda kind, number: number == 1 and kind == PROFILE, id="the profiles of a run"),
        pytest.param(lambda kind, number: number == 0 and kind == PROFILE, id="the first profiles"),
    ],
)
def test_repaired_tables_are_those_of_right_clocks(
    facts: Facts, is_wrong: Callable[[str, int], bool], repaired_after: int
) -> None:
    right = play(facts, lambda kind, number: False, None)
    wrong = play(facts, is_wrong, None)
    repaired = play(facts, is_wrong, repaired_after)
    assert wrong != right
    for found, expected in zip(repaired, right, strict=True):
        assert found == expected


def test_repair_without_a_reading_in_the_future_changes_nothing(facts: Facts) -> None:
    play(facts, lambda kind, number: False, None)
    before = everything(facts.connection)
    repair(facts.connection)
    assert everything(facts.connection) == before


class WrongClock(Playback):
    """A world whose first two runs land their answers with an instant in the future."""

    def _land(self, landing: Landing, run_id: str) -> None:
        is_wrong = run_id in ("run 0", "run 1")
        stored = replace(landing, observed_at=landing.observed_at + WRONG) if is_wrong else landing
        super()._land(stored, run_id)
        self.history.landings[-1] = landing
        if landing.profile is None:
            record_call(self._facts, run_id, landing.observed_at, hashtag=landing.hashtag)
        else:
            error = None if landing.profile.outcome == "found" else "TikHubTransientError"
            record_call(self._facts, "landing", landing.observed_at, user_id=landing.profile.user_id, error=error)


@settings(max_examples=30, derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(world=worlds())
def holds_after_repair(facts: Facts, world: World) -> None:
    """Compare rows and handles of a random world with its readings at the right instants."""
    clear_tables(facts.connection)
    playback = WrongClock(world, facts, lambda history, on: None)
    playback.play()
    repair(facts.connection)
    playback.clear_all()
    tables = Tables(playback.history)
    assert set(facts.rows(STATS)) == tables.creator_stats
    assert set(facts.rows("select user_id, handle, first_seen_at from comet_handles")) == tables.handles


def test_random_worlds_have_the_rows_of_right_clocks_after_a_repair(facts: Facts) -> None:
    facts.connection.execute("set plan_cache_mode = force_generic_plan")
    holds_after_repair(facts)
