"""creators.status: the rules of missing and graduated by example; random worlds cover the rest."""

from __future__ import annotations

from decimal import Decimal

from tests.steps.builders import Facts, Profile, Video, day, noon
from tests.steps.playback import import_legacy
from tests.steps.worlds import LegacyCreator, LegacySnapshot


def status(facts: Facts) -> str:
    """Return the status of the creator 71."""
    ((value,),) = facts.rows("select status from creators where user_id = '71'")
    return str(value)


def discover(facts: Facts) -> None:
    """Find the creator 71 on DAY."""
    facts.land_page(Video(follower_count=20_000))
    facts.run()


def observe(facts: Facts, follower_count: int, number: int) -> None:
    """Read its profile `number` days after DAY."""
    facts.observe(follower_count, day(number))
    facts.run(day(number))


def fail(facts: Facts, *numbers: int, is_outage: bool = False) -> None:
    """Fail to read its profile on some days, on which another profile is read unless there is an outage."""
    for number in numbers:
        facts.land_profile(Profile(outcome="refused"), day(number))
        if not is_outage:
            facts.observe(1, day(number), user_id="99")
        facts.run(day(number))


def test_missing_after_failures_on_three_dates_since_the_last_reading(facts: Facts) -> None:
    discover(facts)
    fail(facts, 0, 1, 1, 9)
    assert status(facts) == "tracked"
    observe(facts, 20_000, 10)
    fail(facts, 11, 12)
    assert status(facts) == "tracked"
    fail(facts, 30)
    assert status(facts) == "missing"
    assert facts.rows("select max(follower_count) from creator_stats where user_id = '71'") == [(20_000,)]
    facts.land_page(Video(follower_count=21_000), recorded_date=day(31))
    facts.run(day(31))
    assert status(facts) == "tracked"


def test_failures_during_an_outage_do_not_count(facts: Facts) -> None:
    discover(facts)
    fail(facts, 1, 2, 3, 4, is_outage=True)
    assert status(facts) == "tracked"


def test_graduated_above_the_band_and_tracked_again_within(facts: Facts) -> None:
    discover(facts)
    observe(facts, 100_001, 1)
    assert status(facts) == "graduated"
    observe(facts, 100_000, 2)
    assert status(facts) == "tracked"


def test_widest_discovery_band_counts(facts: Facts) -> None:
    discover(facts)
    observe(facts, 200_000, 1)
    facts.run(max_followers=200_000)
    facts.run(max_followers=50_000)
    assert status(facts) == "tracked"


def test_missing_takes_precedence_over_graduated(facts: Facts) -> None:
    discover(facts)
    observe(facts, 100_001, 1)
    fail(facts, 2, 3, 4)
    assert status(facts) == "missing"


def test_missing_stays_when_a_date_with_an_estimate_is_run_again(facts: Facts) -> None:
    discover(facts)
    facts.land_page(Video("99", "v9"), recorded_date=day(1))
    facts.run(day(1))
    observe(facts, 300_000, 2)
    fail(facts, 3, 4, 5)
    facts.run(day(1))
    assert status(facts) == "missing"


def test_imported_creator_is_compared_with_the_widest_band_of_all_runs(facts: Facts) -> None:
    imported = LegacySnapshot(day(-9), 150_000, None, 0, Decimal(0))
    import_legacy(LegacyCreator("71", False, "ada", noon(day(-9)), (imported,)), facts)
    facts.run()
    assert status(facts) == "graduated"
    facts.run(day(1), max_followers=150_000)
    assert status(facts) == "tracked"
