"""record_growth.sql: snapshots and growth by hand-worked examples."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import LiteralString

import psycopg
import pytest

from tests.sql.builders import DAY, Facts, Profile, Row, Video, day, noon, run_step
from tests.sql.living import import_legacy
from tests.sql.worlds import LegacyCreator, LegacySnapshot

EVERY_ROW = """
    select
        (select jsonb_agg(to_jsonb(t) || jsonb_build_object('xmin', t.xmin) order by t.id) from creator_stats as t),
        (select jsonb_agg(to_jsonb(t) || jsonb_build_object('xmin', t.xmin) order by t.user_id) from creators as t),
        (select jsonb_agg(to_jsonb(t) || jsonb_build_object('xmin', t.xmin) order by t.recorded_date)
         from comet_dates as t)
"""


def discover(facts: Facts, follower_count: int = 20_000, on: date = DAY, user_id: str = "71") -> None:
    """Let a run of the date find a Comet."""
    facts.land_page(Video(user_id, follower_count=follower_count), recorded_date=on)
    facts.run(on)


def track(facts: Facts, *counts: int | None, user_id: str = "71") -> None:
    """Observe a creator that is tracked on DAY and the dates after it (None: not on that date) and run them all."""
    facts.connection.execute("insert into creators (user_id) values (%s)", [user_id])
    for number, count in enumerate(counts):
        if count is not None:
            facts.observe(count, day(number), user_id=user_id)
        facts.run(day(number))


def snapshots(facts: Facts, user_id: str = "71") -> list[Row]:
    """(days after DAY, followers, basis) of each snapshot."""
    query: LiteralString = """
        select recorded_date - %s, follower_count, basis from creator_stats where user_id = %s order by recorded_date
    """
    return facts.rows(query, DAY, user_id)


def growth(facts: Facts, on: date, user_id: str = "71") -> Row:
    """(gap_days, daily_growth_followers, daily_growth_percent) of a snapshot."""
    (row,) = facts.rows(
        "select gap_days, daily_growth_followers, daily_growth_percent from creator_stats "
        "where user_id = %s and recorded_date = %s",
        user_id,
        on,
    )
    return row


class TestObserved:
    def test_the_last_known_count_of_the_date(self, facts: Facts) -> None:
        discover(facts)
        facts.land_profile(Profile(follower_count=22_000), observed_at=noon(DAY) + timedelta(hours=3))
        facts.land_profile(Profile(follower_count=21_000), observed_at=noon(DAY) + timedelta(hours=2))
        facts.land_profile(Profile(heart_count=1), observed_at=noon(DAY) + timedelta(hours=4))
        facts.run()
        assert snapshots(facts) == [(0, 22_000, "observed")]

    def test_of_one_instant_the_profile_is_the_last(self, facts: Facts) -> None:
        facts.land_profile(Profile(follower_count=21_000))
        facts.land_page(*[Video(follower_count=20_000)] * 3)
        facts.run()
        assert snapshots(facts) == [(0, 21_000, "observed")]

    def test_of_one_source_and_instant_the_one_landed_last_is_the_last(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=20_000), Video("71", "v2", follower_count=30_000))
        facts.run()
        assert snapshots(facts) == [(0, 30_000, "observed")]

    def test_a_second_run_of_the_day_with_a_later_answer_wins(self, facts: Facts) -> None:
        discover(facts, 20_000)
        facts.land_page(Video(follower_count=3_000_000), observed_at=noon(DAY) + timedelta(hours=5), round_number=2)
        facts.run()
        assert snapshots(facts) == [(0, 3_000_000, "observed")]

    def test_zero_in_a_profile_is_known(self, facts: Facts) -> None:
        track(facts, 20_000, 0)
        assert snapshots(facts) == [(0, 20_000, "observed"), (1, 0, "observed")]

    @pytest.mark.parametrize(
        ("timezone", "instant", "number"),
        [
            ("Asia/Tokyo", datetime(2026, 3, 1, 14, 59, tzinfo=UTC), 0),
            ("Asia/Tokyo", datetime(2026, 3, 1, 15, 0, tzinfo=UTC), 1),
            ("America/New_York", datetime(2026, 3, 2, 4, 59, tzinfo=UTC), 0),
            # The clocks have gone forward on 8 March.
            ("America/New_York", datetime(2026, 3, 9, 3, 59, tzinfo=UTC), 7),
            ("America/New_York", datetime(2026, 3, 9, 4, 0, tzinfo=UTC), 8),
        ],
    )
    def test_the_date_is_that_of_the_timezone_of_the_run(
        self, facts: Facts, timezone: str, instant: datetime, number: int
    ) -> None:
        facts.timezone = timezone
        facts.land_page(Video(), recorded_date=day(number), observed_at=instant)
        facts.run(day(number))
        assert snapshots(facts) == [(number, 20_000, "observed")]


class TestEstimated:
    def test_linear_between_the_nearest_known_counts(self, facts: Facts) -> None:
        track(facts, 20_000, None, None, 23_000)
        assert snapshots(facts) == [
            (0, 20_000, "observed"),
            (1, 21_000, "estimated"),
            (2, 22_000, "estimated"),
            (3, 23_000, "observed"),
        ]

    @pytest.mark.parametrize(
        ("before", "after", "between"),
        [(20_000, 20_001, 20_001), (20_001, 20_000, 20_001), (20_000, 20_003, 20_002), (0, 1, 1), (3, 0, 2)],
    )
    def test_halves_are_rounded_away_from_zero(self, facts: Facts, before: int, after: int, between: int) -> None:
        track(facts, before, None, after)
        assert snapshots(facts)[1] == (1, between, "estimated")

    def test_thirds_are_rounded_to_the_nearest(self, facts: Facts) -> None:
        track(facts, 10, None, None, 11)
        assert [count for _, count, _ in snapshots(facts)] == [10, 10, 11, 11]

    def test_between_the_last_counts_of_both_dates(self, facts: Facts) -> None:
        track(facts, 10_000)
        facts.land_profile(Profile(follower_count=20_000), DAY, noon(DAY) + timedelta(hours=1))
        facts.land_profile(Profile(follower_count=30_000), day(2), noon(day(2)))
        facts.land_profile(Profile(follower_count=90_000), day(2), noon(day(2)) + timedelta(hours=1))
        for number in (0, 1, 2):
            facts.run(day(number))
        assert snapshots(facts) == [
            (0, 20_000, "observed"),
            (1, 55_000, "estimated"),
            (2, 90_000, "observed"),
        ]

    def test_days_that_were_not_run_are_counted_in_but_get_no_row(self, facts: Facts) -> None:
        track(facts, 10_000)
        facts.observe(20_000, day(10))
        facts.run(day(10))
        facts.run(day(4))
        assert snapshots(facts) == [(0, 10_000, "observed"), (4, 14_000, "estimated"), (10, 20_000, "observed")]

    def test_a_date_discovered_late_is_estimated_when_something_was_known_before(self, facts: Facts) -> None:
        discover(facts, 20_000)
        facts.land_page(Video(follower_count=30_000), recorded_date=day(1), observed_at=noon(day(2)))
        facts.run(day(1))
        assert snapshots(facts) == [(0, 20_000, "observed"), (1, 25_000, "estimated"), (2, 30_000, "observed")]

    def test_a_known_count_in_between_replaces_the_estimates(self, facts: Facts) -> None:
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

    @pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 2, 0, 3), (2, 0, 3, 1)])
    def test_across_a_date_that_knows_only_another_metric(self, facts: Facts, order: tuple[int, ...]) -> None:
        track(facts)
        for number in order:
            if number in (0, 3):
                facts.observe(10_000 * (number + 1), day(number))
            else:
                facts.observe(None, day(number), heart_count=5)
            facts.run(day(number))
        assert snapshots(facts) == [
            (0, 10_000, "observed"),
            (1, 20_000, "estimated"),
            (2, 30_000, "estimated"),
            (3, 40_000, "observed"),
        ]

    def test_counts_up_to_2_to_the_63_do_not_overflow(self, facts: Facts) -> None:
        track(facts, 2**63 - 1, None, 2**63 - 3)
        assert snapshots(facts)[1] == (1, 2**63 - 2, "estimated")
        assert growth(facts, day(1)) == (1, -1, 0)


def everything_known(facts: Facts) -> list[Row]:
    """Growth, scores and confidence of all rows that are measurements."""
    return facts.rows(
        "select stats.recorded_date, stats.gap_days, daily_growth_followers, score, is_low_confidence, growth_7d_days "
        "from creator_stats as stats inner join comet_scores using (user_id, recorded_date, daily_growth_followers) "
        "where stats.basis <> 'late' order by 1"
    )


class TestLate:
    def test_a_past_date_discovered_now_takes_the_earliest_later_count(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=20_000), observed_at=noon(day(5)))
        facts.land_page(Video(follower_count=21_000), observed_at=noon(day(5)) + timedelta(hours=1))
        facts.land_page(Video(follower_count=30_000), recorded_date=day(7))
        facts.run(day(7))
        facts.run(DAY)
        # The last count of the first date that has one
        assert snapshots(facts) == [(0, 21_000, "late"), (5, 21_000, "observed"), (7, 30_000, "observed")]

    def test_a_date_that_did_not_discover_the_creator_has_no_row(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=20_000), observed_at=noon(day(5)))
        facts.run(DAY)
        facts.run(day(3))
        facts.run(day(5), hashtags=["none"])
        assert snapshots(facts) == [(0, 20_000, "late"), (5, 20_000, "observed")]

    def test_it_becomes_observed_when_the_date_gets_a_count_of_its_own(self, facts: Facts) -> None:
        track(facts)
        facts.land_page(Video(follower_count=20_000), observed_at=noon(day(5)))
        facts.run(DAY)
        facts.land_profile(Profile(follower_count=15_000), day(1), noon(DAY))
        facts.run(day(1))
        assert snapshots(facts) == [(0, 15_000, "observed"), (1, 16_000, "estimated"), (5, 20_000, "observed")]

    def test_no_growth_starts_from_it(self, facts: Facts) -> None:
        facts.observe(30_000, day(7))
        facts.land_page(Video(follower_count=20_000), recorded_date=day(5))
        facts.run(day(5))
        facts.run(day(7))
        before = everything_known(facts)
        facts.land_page(Video(follower_count=20_000), observed_at=noon(day(8)))
        facts.run(DAY)
        assert snapshots(facts) == [
            (0, 20_000, "late"),
            (5, 20_000, "observed"),
            (7, 30_000, "observed"),
            (8, 20_000, "observed"),
        ]
        assert everything_known(facts) == before

    def test_it_changes_no_imported_row_after_it(self, facts: Facts) -> None:
        imported = LegacySnapshot(day(5), 20_000, 0, -5, Decimal("1.25"))
        import_legacy(LegacyCreator("71", False, "ada", noon(day(5)), (imported,)), facts)
        facts.land_page(Video(), observed_at=noon(day(9)))
        facts.run()
        assert snapshots(facts) == [(0, 20_000, "late"), (5, 20_000, "observed"), (9, 20_000, "observed")]
        assert growth(facts, day(5)) == (None, -5, Decimal("1.25"))

    def test_an_earlier_count_takes_its_place(self, facts: Facts) -> None:
        track(facts)
        facts.land_page(Video(follower_count=20_000), observed_at=noon(day(9)))
        facts.run(DAY)
        facts.observe(15_000, day(5))
        facts.run(day(5))
        assert snapshots(facts) == [(0, 15_000, "late"), (5, 15_000, "observed"), (9, 20_000, "observed")]


class TestMissing:
    def test_no_row_before_the_first_or_after_the_last_known_count(self, facts: Facts) -> None:
        facts.run(day(-1))
        track(facts, 20_000, None)
        assert snapshots(facts) == [(0, 20_000, "observed")]

    def test_a_creator_whose_count_is_never_known_has_no_row(self, facts: Facts) -> None:
        track(facts)
        facts.observe(None, DAY, heart_count=5)
        facts.run()
        assert snapshots(facts) == []

    def test_counts_from_before_the_first_day_as_a_comet_do_not_count(self, facts: Facts) -> None:
        discover(facts, 9_000, DAY)
        facts.run(day(1), hashtags=["none"])
        discover(facts, 20_000, day(2))
        assert snapshots(facts) == [(2, 20_000, "observed")]
        assert growth(facts, day(2)) == (None, 0, 0)

    def test_who_never_qualified_is_not_observed(self, facts: Facts) -> None:
        discover(facts, 9_000)
        assert facts.rows("select * from creator_stats") == []

    def test_landed_rows_in_between_are_pulled_in_by_a_discovery_on_an_earlier_date(self, facts: Facts) -> None:
        discover(facts, 200_000, day(3))
        discover(facts, 300_000, day(4))
        assert snapshots(facts) == []
        facts.run(day(2), hashtags=["none"])
        discover(facts, 100_000, day(1))
        assert snapshots(facts) == [
            (1, 100_000, "observed"),
            (2, 150_000, "estimated"),
            (3, 200_000, "observed"),
            (4, 300_000, "observed"),
        ]

    def test_a_first_day_that_moves_back_pulls_in_what_was_left_out(self, facts: Facts) -> None:
        discover(facts, 200_000, day(2))
        discover(facts, 100_000, day(3))
        assert snapshots(facts) == [(3, 100_000, "observed")]
        discover(facts, 90_000, day(1))
        assert snapshots(facts) == [(1, 90_000, "observed"), (2, 200_000, "observed"), (3, 100_000, "observed")]

    def test_profiles_in_between_are_pulled_in_too(self, facts: Facts) -> None:
        facts.observe(200_000, day(3), handle="renamed")
        facts.run(day(3))
        discover(facts, 100_000, day(1))
        assert snapshots(facts) == [(1, 100_000, "observed"), (3, 200_000, "observed")]
        assert facts.rows("select handle from creators") == [("renamed",)]


class TestGrowth:
    def test_the_first_snapshot_has_none(self, facts: Facts) -> None:
        track(facts, 20_000)
        assert growth(facts, DAY) == (None, 0, 0)

    def test_against_the_previous_snapshot(self, facts: Facts) -> None:
        track(facts, 20_000, 21_250)
        assert growth(facts, day(1)) == (1, 1_250, Decimal("6.25"))

    def test_per_day_over_a_gap(self, facts: Facts) -> None:
        track(facts, 20_000)
        facts.observe(21_000, day(3))
        facts.run(day(3))
        # 1,000 / 3 = 333.3; 100 * 1,000 / 20,000 / 3 = 1.666...
        assert growth(facts, day(3)) == (3, 333, Decimal("1.67"))

    @pytest.mark.parametrize(("then", "now", "gained"), [(100, 101, 1), (101, 100, -1), (100, 103, 2), (103, 100, -2)])
    def test_halves_of_a_follower_are_rounded_away_from_zero(
        self, facts: Facts, then: int, now: int, gained: int
    ) -> None:
        track(facts, then)
        facts.observe(now, day(2))
        facts.run(day(2))
        assert growth(facts, day(2))[1] == gained

    @pytest.mark.parametrize(
        ("then", "now", "percent"),
        [
            # 100 * 1 / 800 = 0.125
            (800, 801, "0.13"),
            (800, 799, "-0.13"),
            (20_000, 20_001, "0.01"),
            (20_000, 19_999, "-0.01"),
            (20_001, 20_002, "0.00"),
        ],
    )
    def test_halves_of_a_hundredth_percent_are_rounded_away_from_zero(
        self, facts: Facts, then: int, now: int, percent: str
    ) -> None:
        track(facts, then, now)
        assert growth(facts, day(1))[2] == Decimal(percent)

    def test_against_the_stored_rounded_count_of_an_estimate(self, facts: Facts) -> None:
        track(facts, 10, None, 11)
        # The estimate is 10.5, stored as 11.
        assert growth(facts, day(1)) == (1, 1, 10)
        assert growth(facts, day(2)) == (1, 0, 0)

    def test_from_zero_has_no_percent(self, facts: Facts) -> None:
        track(facts, 0, 5, 0)
        assert growth(facts, day(1)) == (1, 5, None)
        assert growth(facts, day(2)) == (1, -5, -100)

    def test_of_more_than_a_thousand_percent(self, facts: Facts) -> None:
        track(facts, 1, 2**40)
        assert growth(facts, day(1)) == (1, 2**40 - 1, 100 * (2**40 - 1))

    def test_of_the_next_snapshot_is_derived_again(self, facts: Facts) -> None:
        track(facts, 20_000)
        facts.observe(50_000, day(4))
        facts.run(day(4))
        assert growth(facts, day(4))[:2] == (4, 7_500)
        facts.observe(20_000, day(3))
        facts.run(day(3))
        assert growth(facts, day(3))[:2] == (3, 0)
        assert growth(facts, day(4))[:2] == (1, 30_000)
        facts.run(day(1))
        assert growth(facts, day(1))[:2] == (1, 0)
        assert growth(facts, day(3))[:2] == (2, 0)

    def test_of_the_next_snapshot_is_derived_again_when_a_count_of_the_day_changes(self, facts: Facts) -> None:
        track(facts, 20_000, 30_000)
        facts.land_profile(Profile(follower_count=26_000), DAY, noon(DAY) + timedelta(hours=1))
        facts.run(DAY)
        assert growth(facts, day(1)) == (1, 4_000, Decimal("15.38"))

    def test_of_one_creator_does_not_depend_on_another(self, facts: Facts) -> None:
        track(facts, 20_000, 30_000)
        track(facts, 500, 400, user_id="72")
        assert growth(facts, day(1)) == (1, 10_000, 50)
        assert growth(facts, day(1), "72") == (1, -100, -20)


class TestHeartsAndVideos:
    def rows(self, facts: Facts) -> list[Row]:
        return facts.rows(
            "select recorded_date - %s, basis, heart_count, video_count from creator_stats order by 1", DAY
        )

    def test_on_an_observed_row_only_those_of_that_date(self, facts: Facts) -> None:
        track(facts)
        facts.observe(20_000, DAY, heart_count=100, video_count=10)
        facts.observe(21_000, day(1))
        facts.observe(22_000, day(2), heart_count=300, video_count=0)
        for number in range(3):
            facts.run(day(number))
        assert self.rows(facts) == [
            (0, "observed", 100, 10),
            (1, "observed", None, None),
            (2, "observed", 300, 0),
        ]

    def test_on_an_observed_row_from_another_answer_of_that_date(self, facts: Facts) -> None:
        track(facts)
        facts.observe(20_000, DAY)
        facts.observe(None, DAY, heart_count=100)
        facts.run()
        assert self.rows(facts) == [(0, "observed", 100, None)]

    def test_on_no_row_that_is_not_observed(self, facts: Facts) -> None:
        track(facts)
        facts.observe(20_000, day(1), heart_count=100, video_count=5)
        facts.observe(30_000, day(3), heart_count=300, video_count=7)
        facts.land_page(Video(), observed_at=noon(day(4)))
        for number in range(4):
            facts.run(day(number))
        assert self.rows(facts)[:3] == [(0, "late", None, None), (1, "observed", 100, 5), (2, "estimated", None, None)]

    def test_alone_make_no_row(self, facts: Facts) -> None:
        track(facts, 20_000, None, 30_000)
        facts.observe(None, day(1), heart_count=77)
        facts.run(day(1))
        assert self.rows(facts)[1] == (1, "estimated", None, None)


class TestRuns:
    def test_a_second_time_writes_nothing(self, facts: Facts) -> None:
        discover(facts, 20_000, day(0))
        facts.land_page(Video(follower_count=30_000), Video("72", "v2"), recorded_date=day(4))
        runs = [facts.run(day(number)) for number in (4, 2, 1)]
        before = facts.rows(EVERY_ROW)
        for run_id in runs:
            facts.step("record_growth", run_id)
            facts.run_again(run_id)
        assert facts.rows(EVERY_ROW) == before

    def test_two_at_the_same_time_end_like_one_after_the_other(self, facts: Facts, creators_url: str) -> None:
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

    def test_a_date_counts_as_run_even_with_nothing_landed(self, facts: Facts) -> None:
        track(facts, 20_000)
        facts.step("record_growth", facts.accept(recorded_date=day(1)))
        facts.observe(22_000, day(2))
        facts.run(day(2))
        assert snapshots(facts)[1] == (1, 21_000, "estimated")

    def test_a_refused_run_leaves_no_date_and_changes_nothing(self, facts: Facts) -> None:
        track(facts, 20_000)
        facts.observe(30_000, DAY)
        before = facts.rows(EVERY_ROW)
        facts.step("record_growth", "refused")
        assert facts.rows(EVERY_ROW) == before

    def test_a_failure_leaves_nothing_half_done(self, facts: Facts) -> None:
        track(facts, 20_000)
        facts.observe(30_000, day(1))
        run_id = facts.accept(recorded_date=day(1))
        facts.connection.execute("alter table creator_stats add constraint no_growth check (gap_days is null)")
        with pytest.raises(psycopg.errors.CheckViolation):
            facts.step("record_growth", run_id)
        facts.connection.execute("alter table creator_stats drop constraint no_growth")
        assert facts.rows("select * from comet_dates where recorded_date = %s", day(1)) == []
        facts.step("record_growth", run_id)
        assert growth(facts, day(1)) == (1, 10_000, 50)

    def test_what_a_creator_was_seen_with_on_a_date_without_any_search_is_recorded(self, facts: Facts) -> None:
        discover(facts)
        facts.observe(21_000, day(1))
        facts.step("record_growth", facts.accept(recorded_date=day(1)))
        assert snapshots(facts) == [(0, 20_000, "observed"), (1, 21_000, "observed")]
