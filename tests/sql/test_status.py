"""creators.status: who is missing, who has graduated, and who comes back."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.sql.builders import DAY, Facts, Profile, Video, day, noon
from tests.sql.living import import_legacy
from tests.sql.worlds import LegacyCreator, LegacySnapshot


def status(facts: Facts, user_id: str = "71") -> str:
    """How a creator stands."""
    ((value,),) = facts.rows("select status from creators where user_id = %s", user_id)
    return str(value)


def discover(facts: Facts, follower_count: int = 20_000, max_followers: int = 100_000) -> None:
    """The creator 71 is found on DAY."""
    facts.land_page(Video(follower_count=follower_count))
    facts.run(max_followers=max_followers)


def fail(facts: Facts, *numbers: int, outcome: str = "refused", is_outage: bool = False) -> None:
    """Runs of some days could not read the creator's profile; another one's they could, unless TikHub is out."""
    for number in numbers:
        facts.land_profile(Profile(outcome=outcome), day(number))
        if not is_outage:
            facts.observe(1, day(number), user_id="99")
        facts.run(day(number))


class TestMissing:
    @pytest.mark.parametrize("outcome", ["refused", "no_account"])
    def test_after_failures_on_three_dates(self, facts: Facts, outcome: str) -> None:
        discover(facts)
        fail(facts, 1, 2, outcome=outcome)
        assert status(facts) == "tracked"
        fail(facts, 3, outcome=outcome)
        assert status(facts) == "missing"

    def test_the_date_it_was_last_seen_on_run_again_brings_nobody_back(self, facts: Facts) -> None:
        discover(facts)
        fail(facts, 1, 2, 3)
        facts.run()
        assert status(facts) == "missing"

    def test_the_dates_need_not_follow_each_other(self, facts: Facts) -> None:
        discover(facts)
        fail(facts, 1, 9, 30)
        assert status(facts) == "missing"

    def test_three_failures_on_two_dates_are_too_few(self, facts: Facts) -> None:
        discover(facts)
        fail(facts, 1, 1, 2)
        assert status(facts) == "tracked"

    def test_dates_are_those_of_the_answer_in_the_timezone_of_the_run(self, facts: Facts) -> None:
        facts.timezone = "Asia/Tokyo"
        facts.land_page(Video(), observed_at=datetime(2026, 3, 1, 3, tzinfo=UTC))
        facts.run()
        for number in (1, 2, 3):
            facts.observe(1, day(number), user_id="99")
        for hour, date in ((1, 2), (16, 2), (1, 3)):
            facts.land_profile(Profile(outcome="refused"), day(1), datetime(2026, 3, date, hour, tzinfo=UTC))
        facts.run(day(1))
        assert status(facts) == "tracked"
        facts.land_profile(Profile(outcome="refused"), day(1), datetime(2026, 3, 3, 16, tzinfo=UTC))
        facts.run(day(1))
        assert status(facts) == "missing"

    def test_a_profile_between_the_failures_begins_the_count_anew(self, facts: Facts) -> None:
        discover(facts)
        fail(facts, 1, 2)
        facts.observe(20_000, day(3))
        facts.run(day(3))
        fail(facts, 4, 5)
        assert status(facts) == "tracked"
        fail(facts, 6)
        assert status(facts) == "missing"

    def test_a_failure_on_the_day_it_was_seen_does_not_count(self, facts: Facts) -> None:
        discover(facts)
        fail(facts, 0, 1, 2)
        assert status(facts) == "tracked"

    def test_a_search_that_shows_it_brings_it_back(self, facts: Facts) -> None:
        discover(facts)
        fail(facts, 1, 2, 3)
        facts.land_page(Video(follower_count=21_000), recorded_date=day(4))
        facts.run(day(4))
        assert status(facts) == "tracked"

    def test_a_profile_without_any_count_brings_it_back(self, facts: Facts) -> None:
        discover(facts)
        fail(facts, 1, 2, 3)
        facts.observe(None, day(4))
        facts.run(day(4))
        assert status(facts) == "tracked"

    def test_keeps_its_history(self, facts: Facts) -> None:
        discover(facts)
        fail(facts, 1, 2, 3)
        assert facts.rows("select recorded_date, follower_count from creator_stats") == [(DAY, 20_000)]

    def test_failures_that_a_late_answer_outdates_are_forgotten(self, facts: Facts) -> None:
        discover(facts)
        fail(facts, 1, 2, 3)
        facts.land_profile(Profile(follower_count=5), day(2), observed_at=datetime(2026, 3, 8, tzinfo=UTC))
        facts.run(day(2))
        assert status(facts) == "tracked"


class TestOutage:
    @pytest.mark.parametrize("outcome", ["failed", "refused", "no_account"])
    def test_says_nothing_about_a_creator(self, facts: Facts, outcome: str) -> None:
        discover(facts)
        fail(facts, 1, 2, 3, 4, outcome=outcome, is_outage=True)
        assert status(facts) == "tracked"

    def test_is_none_where_another_profile_was_read_on_the_same_date(self, facts: Facts) -> None:
        discover(facts)
        fail(facts, 1, 2, 3, outcome="failed", is_outage=True)
        for number in (1, 2, 3):
            facts.observe(1, day(number), user_id="99")
        facts.run(day(2))
        assert status(facts) == "missing"


class TestGraduated:
    def test_above_the_band_and_back(self, facts: Facts) -> None:
        discover(facts)
        facts.observe(100_001, day(1))
        facts.run(day(1))
        assert status(facts) == "graduated"
        facts.observe(100_000, day(2))
        facts.run(day(2))
        assert status(facts) == "tracked"

    def test_the_latest_count_decides_whatever_arrives_late(self, facts: Facts) -> None:
        discover(facts)
        facts.observe(100_001, day(3))
        facts.run(day(3))
        facts.observe(20_000, day(1))
        facts.run(day(1))
        assert status(facts) == "graduated"

    def test_the_widest_band_that_found_it_counts(self, facts: Facts) -> None:
        discover(facts, 150_000, max_followers=200_000)
        facts.run(day(1), max_followers=50_000)
        assert status(facts) == "tracked"
        facts.observe(200_001, day(2))
        facts.run(day(2), max_followers=1_000_000)
        assert status(facts) == "graduated"

    def test_a_second_run_of_the_date_with_a_wider_band_takes_it_back(self, facts: Facts) -> None:
        discover(facts)
        facts.observe(100_001, day(1))
        facts.run(day(1))
        facts.run(DAY, max_followers=200_000)
        assert status(facts) == "tracked"
        assert facts.rows("select max_followers from comet_discoveries") == [(200_000,)]

    def test_a_narrower_second_run_changes_nothing(self, facts: Facts) -> None:
        discover(facts)
        facts.run(DAY, max_followers=20_000)
        assert facts.rows("select max_followers from comet_discoveries") == [(100_000,)]

    def test_a_wider_band_counts_where_its_answer_was_read_before_the_date_began(self, facts: Facts) -> None:
        before_midnight = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
        facts.land_page(Video(follower_count=100_001), recorded_date=day(1), observed_at=before_midnight)
        discover(facts)
        facts.run(day(1))
        assert status(facts) == "graduated"
        facts.run(day(1), max_followers=200_000)
        assert status(facts) == "tracked"

    def test_missing_goes_first(self, facts: Facts) -> None:
        discover(facts)
        facts.observe(100_001, day(1))
        facts.run(day(1))
        fail(facts, 2, 3, 4)
        assert status(facts) == "missing"
        facts.observe(100_001, day(5))
        facts.run(day(5))
        assert status(facts) == "graduated"


def test_an_imported_creator_is_held_against_the_widest_band_of_all_runs(facts: Facts) -> None:
    imported = LegacySnapshot(day(-9), 150_000, None, 0, Decimal(0))
    import_legacy(LegacyCreator("71", False, "ada", noon(day(-9)), (imported,)), facts)
    facts.run()
    assert status(facts) == "graduated"
    facts.run(day(1), max_followers=150_000)
    assert status(facts) == "tracked"
