"""filter_comets.sql in the run of a past date: which profile judges an author whose count the search left unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sql.builders import DAY, Facts, Profile, Video, day, noon


@pytest.fixture(autouse=True)
def _search(facts: Facts) -> None:
    """The search of DAY knows no follower count of 71."""
    facts.land_page(Video(follower_count=None))


def judged_by(facts: Facts, **request: Any) -> list[int]:
    """The counts by which a new run of DAY finds 71; none when it does not."""
    run_id = facts.accept(**{"is_live": False, **request})
    facts.step("filter_comets", run_id)
    return [
        count for (count,) in facts.rows("select follower_count from comet_run_discoveries where run_id = %s", run_id)
    ]


def test_the_first_that_anybody_read_since_the_date_began(facts: Facts) -> None:
    facts.observe(30_000, day(-1))
    facts.observe(50_000, day(3))
    facts.observe(40_000, day(2))
    assert judged_by(facts) == [40_000]


def test_a_date_begins_in_the_timezone_of_the_run(facts: Facts) -> None:
    facts.land_profile(Profile("71", 30_000), day(-1), datetime(2026, 3, 1, 4, 59, 59, tzinfo=UTC))
    facts.land_profile(Profile("71", 40_000), day(-1), datetime(2026, 3, 1, 5, tzinfo=UTC))
    assert judged_by(facts, timezone="America/New_York") == [40_000]
    assert judged_by(facts, timezone="UTC") == [30_000]


@pytest.mark.parametrize("first", [Profile(outcome="no_account"), Profile(follower_count=None)])
def test_none_where_the_first_answer_told_no_count(facts: Facts, first: Profile) -> None:
    facts.land_profile(first, day(1))
    facts.observe(40_000, day(2))
    assert judged_by(facts) == []


@pytest.mark.parametrize("outcome", ["refused", "failed"])
def test_the_first_answer_where_another_date_was_given_up(facts: Facts, outcome: str) -> None:
    facts.land_profile(Profile(outcome=outcome), day(1))
    facts.observe(40_000, day(2))
    assert judged_by(facts) == [40_000]


@pytest.mark.parametrize("outcome", ["refused", "failed", "no_account"])
def test_none_where_the_date_itself_was_given_up(facts: Facts, outcome: str) -> None:
    facts.land_profile(Profile(outcome=outcome), DAY)
    facts.observe(40_000, day(2))
    assert judged_by(facts) == []


def test_none_where_the_first_is_outside_the_band(facts: Facts) -> None:
    facts.observe(100_001, day(1))
    facts.observe(40_000, day(2))
    assert judged_by(facts) == []


def test_the_latest_of_the_date_itself_goes_before_all_others(facts: Facts) -> None:
    facts.observe(40_000, day(1))
    facts.land_profile(Profile("71", 50_000), DAY, noon(day(4)))
    facts.land_profile(Profile("71", 60_000), DAY, noon(day(5)))
    facts.land_profile(Profile(outcome="failed"), DAY, noon(day(6)))
    assert judged_by(facts) == [60_000]


def test_the_count_of_the_search_goes_before_every_profile(facts: Facts) -> None:
    facts.observe(40_000, day(1))
    facts.land_page(Video(play_count=1, follower_count=20_000), observed_at=noon(DAY) + timedelta(hours=1))
    assert judged_by(facts) == [20_000]


@pytest.mark.parametrize("request_", [{"is_live": True}, {"is_refresh": True}])
def test_a_run_that_asks_by_itself_takes_none_of_another_date(facts: Facts, request_: dict[str, bool]) -> None:
    facts.observe(40_000, day(1))
    assert judged_by(facts, **request_) == []


def test_a_run_made_again_finds_the_same_whatever_was_read_since(facts: Facts) -> None:
    facts.observe(40_000, day(1))
    run_id = facts.run(is_live=False)
    before = facts.rows("select * from comet_discoveries")
    facts.observe(100_001, day(2))
    facts.run(day(2))
    facts.run_again(run_id)
    assert facts.rows("select * from comet_discoveries") == before != []
