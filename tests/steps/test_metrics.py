"""The views of metrics on small tables, with values computed by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg.rows import dict_row

from tests.steps.builders import DAY, Facts, Row, Video, day, noon

NOON = noon(DAY)
OLD = NOON - timedelta(days=60)


def store_counts(
    facts: Facts, *counts: int | None, user_id: str = "71", basis: str = "observed", hours: dict[int, int] | None = None
) -> None:
    """Store the snapshots of a creator on DAY and the dates after it (None: no snapshot); all dates were run.

    :param hours: the hour of the reading by date, by default 12
    """
    facts.connection.execute("insert into creators (user_id) values (%s) on conflict do nothing", [user_id])
    for number, count in enumerate(counts):
        mark_as_run(facts, number)
        if count is not None:
            hour = (hours or {}).get(number, 12)
            counted_at = None if basis == "late" else noon(day(number)) + timedelta(hours=hour - 12)
            facts.connection.execute(
                "insert into creator_stats (user_id, recorded_date, follower_count, basis, counted_at) "
                "values (%s, %s, %s, %s, %s)",
                [user_id, day(number), count, basis, counted_at],
            )


def mark_as_run(facts: Facts, number: int) -> None:
    """Mark the date `number` days after DAY as run."""
    facts.connection.execute("insert into comet_dates values (%s, true) on conflict do nothing", [day(number)])


def land(facts: Facts, *videos: Video, at: datetime = NOON, hashtag: str = "cozygaming") -> None:
    """Land a page of a search of DAY, which was run."""
    mark_as_run(facts, 0)
    facts.land_page(*videos, observed_at=at, hashtag=hashtag)


def counted(video_id: str, plays: int | None, like_count: int | None = 0, **others: Any) -> Video:
    """Return a video with all counts known by default."""
    counts = {"like_count": like_count, "comment_count": 0, "share_count": 0, "published_at": OLD}
    return Video(video_id=video_id, play_count=plays, **{**counts, **others})


def metrics(facts: Facts, number: int = 0) -> dict[str, Any]:
    """Return the metrics of creator 71 `number` days after DAY."""
    with facts.connection.cursor(row_factory=dict_row) as cursor:
        query = "select * from comet_creator_metrics where user_id = '71' and recorded_date = %s"
        (row,) = cursor.execute(query, [day(number)]).fetchall()
        return row


def growth(facts: Facts, number: int, days: int) -> Row:
    """Return (rate, days between its counts, is_estimated) of one of the three growth rates."""
    row = metrics(facts, number)
    return (row[f"growth_{days}d_rate"], row[f"growth_{days}d_days"], row[f"is_growth_{days}d_estimated"])


def on_days(*pairs: tuple[int, int]) -> list[int | None]:
    """Return counts by day, for `store_counts`."""
    known = dict(pairs)
    return [known.get(number) for number in range(max(known) + 1)]


class TestGrowth:
    def test_over_a_day_is_the_gained_share(self, facts: Facts) -> None:
        store_counts(facts, 10_000, 10_500)
        assert growth(facts, 1, 1) == (pytest.approx(0.05), 1, False)

    def test_over_a_week_is_compounded(self, facts: Facts) -> None:
        store_counts(facts, *on_days((0, 10_000), (7, 19_487)))
        # 1.1 to the power of 7 is 1.9487: 10 % a day
        assert growth(facts, 7, 7) == (pytest.approx(0.1, abs=1e-5), 7, False)
        assert growth(facts, 7, 1) == (None, None, None)

    def test_compares_with_the_nearest_count_in_its_window(self, facts: Facts) -> None:
        store_counts(facts, *on_days((0, 10_000), (1, 11_000), (10, 40_000)))
        # Day 1 lies nine days back, nearer to seven than day 0: 40,000 / 11,000 to the power of 1/9
        assert growth(facts, 10, 7) == (pytest.approx((40 / 11) ** (1 / 9) - 1), 9, False)

    @pytest.mark.parametrize(("days", "least", "most"), [(1, 1, 1), (7, 7, 10), (30, 30, 45)])
    def test_is_unknown_outside_of_its_window(self, facts: Facts, days: int, least: int, most: int) -> None:
        store_counts(facts, 10_000)
        for number in (least - 1, least, most, most + 1):
            facts.connection.execute("delete from creator_stats where recorded_date > %s", [DAY])
            if number:
                store_counts(facts, *[None] * number, 20_000)
            is_known = least <= number <= most
            rate = pytest.approx(2 ** (1 / number) - 1) if is_known else None
            assert growth(facts, number, days)[:2] == (rate, number if is_known else None)

    def test_is_estimated_where_one_of_its_counts_is(self, facts: Facts) -> None:
        store_counts(facts, 10_000, basis="estimated")
        store_counts(facts, None, 11_000)
        store_counts(facts, *on_days((7, 12_000)))
        store_counts(facts, *on_days((8, 13_000)), basis="estimated")
        assert growth(facts, 7, 7)[1:] == (7, True)
        assert growth(facts, 8, 7)[1:] == (7, True)
        assert growth(facts, 1, 1)[2] is True

    @pytest.mark.parametrize("days", [1, 7])
    def test_of_steady_growth_does_not_depend_on_the_hour_of_reading(self, facts: Facts, days: int) -> None:
        numbers = range(0, 15, days)
        last = numbers[-1]
        hours = dict.fromkeys(numbers, 2) | {last: 17}
        counts = {number: round(10_000_000 * 1.01 ** (number + (hours[number] - 2) / 24)) for number in numbers}
        store_counts(facts, *on_days(*counts.items()), hours=hours)
        assert growth(facts, last, days)[0] == pytest.approx(0.01, rel=1e-4)

    def test_needs_half_of_its_days_in_hours(self, facts: Facts) -> None:
        store_counts(facts, 10_000, 11_000, hours={0: 23, 1: 10})
        assert growth(facts, 1, 1) == (None, None, None)
        store_counts(facts, None, None, 12_000, hours={2: 22})
        assert growth(facts, 2, 1)[0] == pytest.approx((12 / 11) ** (24 / 36) - 1)

    def test_from_zero_is_unknown_and_to_zero_is_minus_one(self, facts: Facts) -> None:
        store_counts(facts, 0, 10_000, 0)
        assert growth(facts, 1, 1) == (None, None, None)
        assert growth(facts, 2, 1) == (-1, 1, False)
        assert metrics(facts, 2)["view_follower_ratio"] is None

    def test_greatest_numbers_do_not_overflow(self, facts: Facts) -> None:
        greatest = 2**63 - 1
        store_counts(facts, 1, greatest, 1)
        land(facts, counted("v1", greatest, greatest, comment_count=greatest, share_count=greatest))
        assert metrics(facts, 2)["engagement_rate"] == pytest.approx(3)
        assert metrics(facts, 2)["acceleration"] == pytest.approx(-2 * greatest)


class TestAcceleration:
    def test_is_the_change_of_followers_per_day_between_the_middles_of_two_spans(self, facts: Facts) -> None:
        store_counts(facts, *on_days((0, 10_000), (2, 10_400), (5, 11_600)))
        row = metrics(facts, 5)
        # 1,200 in 3 days are 400 a day, 400 in 2 days 200 a day; the middles are 2.5 days apart
        assert (row["acceleration"], row["acceleration_days"]) == (80, 5)

    @pytest.mark.parametrize(
        ("dates", "acceleration"), [((0, 10, 20), -10), ((0, 1, 12), None), ((0, 11, 12), None), ((0, 1), None)]
    )
    def test_needs_two_spans_of_at_most_ten_days(
        self, facts: Facts, dates: tuple[int, ...], acceleration: int | None
    ) -> None:
        store_counts(facts, *on_days(*zip(dates, (10_000, 11_000, 11_000), strict=False)))
        row = metrics(facts, dates[-1])
        assert (row["acceleration"], row["acceleration_days"]) == (acceleration, acceleration and 20)

    def test_is_zero_within_rounding_of_followers(self, facts: Facts) -> None:
        store_counts(facts, 10_000, 10_100, 10_202, 10_305, 10_411)
        assert [metrics(facts, number)["acceleration"] for number in (2, 3, 4)] == [0, 0, 3]


class TestSample:
    def test_engagement_is_a_ratio_of_sums(self, facts: Facts) -> None:
        store_counts(facts, 10_000)
        land(facts, counted("v1", 1_000, 90, comment_count=6, share_count=4), counted("v2", 9_000, 100))
        # (100 + 100) / (1,000 + 9,000); the mean of both rates would be 0.0556
        assert metrics(facts)["engagement_rate"] == pytest.approx(0.02)

    def test_video_with_an_unknown_count_has_views_but_no_engagement(self, facts: Facts) -> None:
        store_counts(facts, 10_000)
        unknown = ("like_count", "comment_count", "share_count")
        land(facts, counted("v1", 1_000, 100))
        land(facts, *(counted(name, 9_000, **{"like_count": 5_000, name: None}) for name in unknown))
        row = metrics(facts)
        assert (row["engagement_rate"], row["engagement_video_count"]) == (pytest.approx(0.1), 1)
        # The median of 1,000 and three times 9,000 views, over 10,000 followers
        assert (row["view_follower_ratio"], row["video_count"]) == (pytest.approx(0.9), 4)

    def test_video_without_views_has_no_engagement(self, facts: Facts) -> None:
        store_counts(facts, 10_000)
        land(facts, counted("v1", 0, 50), counted("v2", None, 50))
        row = metrics(facts)
        assert (row["engagement_rate"], row["view_follower_ratio"]) == (None, 0)
        assert (row["video_count"], row["engagement_video_count"]) == (1, 0)

    def test_holds_each_video_once_with_its_newest_counts(self, facts: Facts) -> None:
        store_counts(facts, 10_000, 10_000)
        land(facts, counted("v1", 1_000, 100), hashtag="a")
        land(facts, counted("v1", 1_000, 100), hashtag="b")
        land(facts, counted("v1", 4_000, 200), at=noon(day(1)))
        land(facts, counted("v1", None, 300), at=noon(day(1)) + timedelta(hours=1))
        land(facts, counted("v1", 8_000, 800), at=noon(day(2)))
        assert [metrics(facts, number)["engagement_rate"] for number in (0, 1)] == [
            pytest.approx(0.1),  # 100 / 1,000
            pytest.approx(0.05),  # 200 / 4,000: the reading of day 2 is not known on day 1
        ]
        assert metrics(facts, 1)["video_count"] == 1

    def test_covers_thirty_days_including_the_date(self, facts: Facts) -> None:
        store_counts(facts, *on_days((29, 10_000), (30, 10_000)))
        land(facts, counted("v1", 1_000))
        assert [metrics(facts, number)["video_count"] for number in (29, 30)] == [1, 0]


class TestBreakout:
    PLAYS = (1_000, 2_000, 3_000, 4_000, 5_000)

    def test_is_compared_with_the_median_of_the_others(self, facts: Facts) -> None:
        store_counts(facts, 10_000)
        land(facts, counted("hit", 60_000), *(counted(f"v{plays}", plays) for plays in self.PLAYS))
        row = metrics(facts)
        # The median of the five others is 3,000; with the hit it would be 3,500
        assert (row["breakout_ratio"], row["breakout_video_id"], row["breakout_other_count"]) == (20, "hit", 5)

    def test_is_unknown_with_four_others(self, facts: Facts) -> None:
        store_counts(facts, 10_000)
        land(facts, counted("hit", 60_000), *(counted(f"v{plays}", plays) for plays in self.PLAYS[1:]))
        row = metrics(facts)
        assert (row["breakout_ratio"], row["breakout_video_id"], row["breakout_other_count"]) == (None, None, 4)

    @pytest.mark.parametrize(
        ("age", "is_compared"),
        [(timedelta(hours=72), True), (timedelta(hours=71), False), (None, False)],
    )
    def test_others_are_three_days_old_when_read(self, facts: Facts, age: timedelta | None, is_compared: bool) -> None:
        store_counts(facts, 10_000)
        published_at = None if age is None else noon(DAY) - age
        land(
            facts,
            counted("hit", 60_000, published_at=noon(DAY)),
            counted("v0", 1_000, published_at=published_at),
            *(counted(f"v{plays}", plays) for plays in self.PLAYS[1:]),
        )
        assert metrics(facts)["breakout_ratio"] == (20 if is_compared else None)

    def test_over_others_without_views_is_unknown(self, facts: Facts) -> None:
        store_counts(facts, 10_000)
        land(facts, counted("hit", 60_000), *(counted(f"v{number}", 0) for number in range(5)))
        assert metrics(facts)["breakout_ratio"] is None


class TestVideos:
    def rows(self, facts: Facts, columns: str) -> list[Row]:
        query = f"select {columns} from comet_video_metrics order by video_id, observed_at"
        return facts.connection.execute(query.encode()).fetchall()

    def test_gain_views_since_the_newest_reading_at_least_an_hour_before(self, facts: Facts) -> None:
        for minutes, plays in ((0, 1_000), (60, 1_500), (90, 9_000), (180, None), (240, 7_500)):
            land(facts, counted("v1", plays), at=noon(DAY) + timedelta(minutes=minutes))
        assert self.rows(facts, "views_per_hour") == [
            (None,),
            (500,),  # 500 in an hour
            (pytest.approx(8_000 / 1.5),),  # since 0:00, as 1:00 is only half an hour away
            (None,),
            (-600,),  # a corrected count: 1,500 less in the 2.5 hours since 1:30
        ]

    def test_have_a_lifetime_average(self, facts: Facts) -> None:
        land(
            facts,
            counted("v1", 1_200, published_at=noon(DAY) - timedelta(hours=24)),
            counted("v2", 1_200, published_at=noon(DAY)),
            counted("v3", 1_200, published_at=noon(day(1))),
            counted("v4", 1_200, published_at=None),
            counted("v5", None),
        )
        assert self.rows(facts, "lifetime_views_per_hour, views_per_hour") == [(50, None)] + [(None, None)] * 4

    def test_have_engagement_by_their_own_views(self, facts: Facts) -> None:
        land(
            facts,
            counted("v1", 1_000, 90, comment_count=6, share_count=4),
            counted("v2", 0, 90),
            counted("v3", 1_000, None),
        )
        assert self.rows(facts, "engagement_rate") == [(pytest.approx(0.1),), (None,), (None,)]

    def test_are_one_row_at_one_instant(self, facts: Facts) -> None:
        for hashtag in ("a", "b"):
            land(facts, counted("v1", 1_000), counted("v1", 1_000), hashtag=hashtag)
        assert self.rows(facts, "video_id, previous_observed_at") == [("v1", None)]
        assert facts.rows("select count(*) from comet_video_readings") == [(4,)]


def test_every_metric_has_a_comment(facts: Facts) -> None:
    undefined = facts.rows(
        "select attname from pg_attribute where attrelid = 'comet_creator_metrics'::regclass and attnum > 0 "
        "and attname not in ('user_id', 'recorded_date') and col_description(attrelid, attnum) is null"
    )
    assert undefined == []
