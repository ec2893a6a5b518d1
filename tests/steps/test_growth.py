"""record_growth.sql: the rules of snapshots and growth by example; random worlds cover the rest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import LiteralString

import psycopg
import pytest

from tests.steps.builders import DAY, STEPS, Facts, Row, Video, day, everything, noon, run_step


def discover(facts: Facts, follower_count: int = 20_000, on: date = DAY) -> None:
    """Find a Comet in a run of the date."""
    facts.land_page(Video(follower_count=follower_count), recorded_date=on)
    facts.run(on)


def track(facts: Facts, *counts: int | None) -> None:
    """Track a creator: read a count on DAY and each date after it (None: no reading), and run all these dates."""
    facts.connection.execute("insert into creators (user_id) values ('71')")
    for number, count in enumerate(counts):
        if count is not None:
            facts.observe(count, day(number))
        facts.run(day(number))


def snapshots(facts: Facts) -> list[Row]:
    """Return (days after DAY, followers, basis) of each snapshot."""
    query: LiteralString = "select recorded_date - %s, follower_count, basis from creator_stats order by recorded_date"
    return facts.rows(query, DAY)


def growth(facts: Facts, on: date) -> Row:
    """Return (gap_days, daily_growth_followers, daily_growth_percent) of a snapshot."""
    (row,) = facts.rows(
        "select gap_days, daily_growth_followers, daily_growth_percent from creator_stats where recorded_date = %s", on
    )
    return row


class TestSnapshots:
    @pytest.mark.parametrize(
        ("instant", "number"),
        # Daylight saving time starts on 8 March.
        [(datetime(2026, 3, 9, 3, 59, tzinfo=UTC), 7), (datetime(2026, 3, 9, 4, 0, tzinfo=UTC), 8)],
    )
    def test_date_is_that_of_the_run_timezone(self, facts: Facts, instant: datetime, number: int) -> None:
        facts.timezone = "America/New_York"
        facts.land_page(Video(), recorded_date=day(number), observed_at=instant)
        facts.run(day(number))
        assert snapshots(facts) == [(number, 20_000, "observed")]

    def test_dates_between_two_counts_are_estimated_on_a_line_if_they_were_run(self, facts: Facts) -> None:
        track(facts, 10_000)
        facts.observe(20_000, day(10))
        facts.run(day(10))
        facts.run(day(4))
        assert snapshots(facts) == [(0, 10_000, "observed"), (4, 14_000, "estimated"), (10, 20_000, "observed")]

    def test_count_in_between_replaces_estimates(self, facts: Facts) -> None:
        track(facts, 10_000, None, None, None, 50_000)
        facts.observe(90_000, day(2))
        facts.run(day(2))
        assert snapshots(facts) == [
            (0, 10_000, "observed"),
            (1, 50_000, "estimated"),
            (2, 90_000, "observed"),
            (3, 70_000, "estimated"),
            (4, 50_000, "observed"),
        ]

    def test_date_discovered_before_the_first_count_is_late(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=20_000), observed_at=noon(day(5)))
        for number in (0, 3, 5):
            facts.run(day(number))
        assert snapshots(facts) == [(0, 20_000, "late"), (5, 20_000, "observed")]

    def test_earlier_discovery_adds_the_readings_since(self, facts: Facts) -> None:
        discover(facts, 200_000, day(2))
        discover(facts, 100_000, day(3))
        assert snapshots(facts) == [(3, 100_000, "observed")]
        discover(facts, 90_000, day(1))
        assert snapshots(facts) == [(1, 90_000, "observed"), (2, 200_000, "observed"), (3, 100_000, "observed")]

    def test_counts_up_to_2_to_the_63_do_not_overflow(self, facts: Facts) -> None:
        track(facts, 2**63 - 1, None, 2**63 - 3)
        assert snapshots(facts)[1] == (1, 2**63 - 2, "estimated")
        assert growth(facts, day(1)) == (1, -1, 0)


class TestGrowth:
    def test_is_per_day_since_the_previous_snapshot(self, facts: Facts) -> None:
        track(facts, 20_000)
        facts.observe(21_000, day(3))
        facts.run(day(3))
        assert growth(facts, DAY) == (None, 0, 0)
        # 1,000 / 3 = 333.3; 100 * 1,000 / 20,000 / 3 = 1.666...
        assert growth(facts, day(3)) == (3, 333, Decimal("1.67"))

    @pytest.mark.parametrize(("then", "now", "gained"), [(101, 102, 1), (102, 101, -1), (101, 106, 3), (106, 101, -3)])
    def test_rounds_halves_of_a_follower_away_from_zero(self, facts: Facts, then: int, now: int, gained: int) -> None:
        track(facts, then)
        facts.observe(now, day(2))
        facts.run(day(2))
        assert growth(facts, day(2))[1] == gained

    def test_rounds_halves_of_a_hundredth_percent_away_from_zero(self, facts: Facts) -> None:
        track(facts, 800, 801, 800, 799)
        assert [growth(facts, day(number))[2] for number in (1, 3)] == [Decimal("0.13"), Decimal("-0.13")]

    def test_from_zero_has_no_percent(self, facts: Facts) -> None:
        track(facts, 0, 5, 0)
        assert growth(facts, day(1)) == (1, 5, None)
        assert growth(facts, day(2)) == (1, -5, -100)


def test_parallel_runs_equal_sequential_ones(facts: Facts, creators_url: str) -> None:
    names = [f"{number:03}" for number in range(40)]
    for number in range(6):
        counts = [10_000 + 100 * number * number + position for position in range(40)]
        facts.land_page(
            *(Video(name, follower_count=count) for name, count in zip(names, counts, strict=True)),
            recorded_date=day(number),
        )
    runs = [facts.accept(recorded_date=day(number)) for number in range(6)]
    for run_id in runs:
        facts.step("filter_comets", run_id)
        facts.step("upsert_creators", run_id)

    def record(run_id: str) -> None:
        with psycopg.connect(creators_url, autocommit=True) as connection:
            run_step(connection, "record_growth", run_id)

    with ThreadPoolExecutor() as pool:
        list(pool.map(record, runs))
    assert facts.rows(
        "select recorded_date - %s, min(daily_growth_followers), max(daily_growth_followers), count(*) "
        "from creator_stats group by 1 order by 1",
        DAY,
    ) == [(number, *[100 * max(0, 2 * number - 1)] * 2, 40) for number in range(6)]


@pytest.mark.parametrize("step", STEPS)
def test_step_of_a_run_that_was_not_accepted_writes_nothing(facts: Facts, step: str) -> None:
    discover(facts)
    facts.connection.execute("insert into creators (user_id, is_settled) values ('MS4wLjABAAAA-71', false)")
    facts.land_page(Video(sec_uid="MS4wLjABAAAA-71"))
    for user_id in ("71", "MS4wLjABAAAA-71"):
        facts.observe(30_000, DAY, user_id=user_id)
    before = everything(facts.connection)
    facts.step(step, "not accepted")
    assert everything(facts.connection) == before
