"""The views of metrics on small tables, with figures worked out by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg.rows import dict_row

from tests.sql.builders import DAY, Facts, Row, Video, day, noon

NOON = noon(DAY)
OLD = NOON - timedelta(days=60)


def keep(
    facts: Facts, *counts: int | None, user_id: str = "71", basis: str = "observed", hours: dict[int, int] | None = None
) -> None:
    """Store the snapshots of a creator on DAY and the dates after it (None: there is none), which were all run.

    :param hours: at which hour of the dates they were read, 12 unless told otherwise
    """
    facts.connection.execute("insert into creators (user_id) values (%s) on conflict do nothing", [user_id])
    for number, count in enumerate(counts):
        run_on(facts, number)
        if count is not None:
            hour = (hours or {}).get(number, 12)
            counted_at = None if basis == "late" else noon(day(number)) + timedelta(hours=hour - 12)
            facts.connection.execute(
                "insert into creator_stats (user_id, recorded_date, follower_count, basis, counted_at) "
                "values (%s, %s, %s, %s, %s)",
                [user_id, day(number), count, basis, counted_at],
            )


def run_on(facts: Facts, number: int) -> None:
    """Say that a date was run, so many days after DAY."""
    facts.connection.execute("insert into comet_dates values (%s, true) on conflict do nothing", [day(number)])


def see(facts: Facts, *videos: Video, at: datetime = NOON, hashtag: str = "cozygaming") -> None:
    """Land a page of a search of DAY, which was run."""
    run_on(facts, 0)
    facts.land_page(*videos, observed_at=at, hashtag=hashtag)


def counted(video_id: str, plays: int | None, likes: int | None = 0, **others: Any) -> Video:
    """A video of which all counts are known unless told otherwise."""
    counts = {"like_count": likes, "comment_count": 0, "share_count": 0, "published_at": OLD}
    return Video(video_id=video_id, play_count=plays, **{**counts, **others})


def metrics(facts: Facts, number: int = 0) -> dict[str, Any]:
    """The metrics of creator 71 so many days after DAY."""
    with facts.connection.cursor(row_factory=dict_row) as cursor:
        query = "select * from comet_creator_metrics where user_id = '71' and recorded_date = %s"
        (row,) = cursor.execute(query, [day(number)]).fetchall()
        return row


def growth(facts: Facts, number: int, days: int) -> Row:
    """(rate, days it rests on, is_estimated) of one of the three growth rates."""
    row = metrics(facts, number)
    return (row[f"growth_{days}d_rate"], row[f"growth_{days}d_days"], row[f"is_growth_{days}d_estimated"])


def on_days(*pairs: tuple[int, int]) -> list[int | None]:
    """Counts by day, for `keep`."""
    known = dict(pairs)
    return [known.get(number) for number in range(max(known) + 1)]


class TestGrowth:
    def test_of_a_day_is_the_share_that_was_gained(self, facts: Facts) -> None:
        keep(facts, 10_000, 10_500)
        # 10,500 / 10,000 - 1
        assert growth(facts, 1, 1) == (pytest.approx(0.05), 1, False)

    def test_of_a_week_is_compounded(self, facts: Facts) -> None:
        keep(facts, *on_days((0, 10_000), (7, 19_487)))
        # 1.1 to the power of 7 is 1.9487: 10 % a day
        assert growth(facts, 7, 7) == (pytest.approx(0.1, abs=1e-5), 7, False)
        assert growth(facts, 7, 1) == (None, None, None)

    def test_rests_on_the_days_that_there_are(self, facts: Facts) -> None:
        keep(facts, *on_days((0, 10_000), (1, 11_000), (10, 40_000)))
        # Day 1 lies nine days back, nearer to seven than day 0: 40,000 / 11,000 to the power of 1/9
        assert growth(facts, 10, 7) == (pytest.approx((40 / 11) ** (1 / 9) - 1), 9, False)

    @pytest.mark.parametrize(("days", "least", "most"), [(1, 1, 1), (7, 7, 10), (30, 30, 45)])
    def test_is_unknown_outside_of_its_window(self, facts: Facts, days: int, least: int, most: int) -> None:
        keep(facts, 10_000, user_id="71")
        for number in (least - 1, least, most, most + 1):
            facts.connection.execute("delete from creator_stats where recorded_date > %s", [DAY])
            if number:
                keep(facts, *[None] * number, 20_000)
            expected = number if least <= number <= most else None
            assert growth(facts, number, days)[1] == expected

    def test_of_a_month(self, facts: Facts) -> None:
        keep(facts, *on_days((0, 10_000), (40, 20_000)))
        # Doubled in 40 days: the 40th root of 2
        assert growth(facts, 40, 30) == (pytest.approx(2 ** (1 / 40) - 1), 40, False)

    def test_is_marked_where_one_of_its_ends_is_no_observation(self, facts: Facts) -> None:
        keep(facts, 10_000, basis="estimated")
        keep(facts, None, 11_000)
        keep(facts, *on_days((7, 12_000)))
        keep(facts, *on_days((8, 13_000)), basis="estimated")
        assert growth(facts, 7, 7)[1:] == (7, True)
        assert growth(facts, 8, 7)[1:] == (7, True)
        assert growth(facts, 1, 1)[2] is True

    @pytest.mark.parametrize(("number", "days"), [(1, 1), (7, 7), (30, 30)])
    def test_a_late_row_is_no_base_and_has_no_figures(self, facts: Facts, number: int, days: int) -> None:
        keep(facts, 10_000, basis="late")
        keep(facts, *on_days((number, 12_000)))
        assert growth(facts, number, days) == (None, None, None)
        assert facts.rows("select distinct counted_date from comet_creator_metrics") == [(day(number),)]

    @pytest.mark.parametrize("days", [1, 2, 3, 4, 5, 6, 7])
    @pytest.mark.parametrize("hour", [2, 17])
    def test_of_steady_growth_is_the_same_at_whatever_hour_it_is_read(self, facts: Facts, days: int, hour: int) -> None:
        # 1 % per 24 hours, read at 02:00 but for the last time
        numbers = range(0, 15, days)
        last = numbers[-1]
        hours = dict.fromkeys(numbers, 2) | {last: hour}
        counts = {number: round(10_000_000 * 1.01 ** (number + (hours[number] - 2) / 24)) for number in numbers}
        keep(facts, *on_days(*counts.items()), hours=hours)
        row = metrics(facts, last)
        known = [row[f"growth_{n}d_rate"] for n in (1, 7, 30) if row[f"growth_{n}d_rate"] is not None]
        assert known or days in (4, 5, 6)
        assert known == [pytest.approx(0.01, rel=1e-4)] * len(known)

    def test_goes_by_dates_where_a_row_was_imported(self, facts: Facts) -> None:
        keep(facts, 10_000, 11_000, hours={0: 2, 1: 17})
        facts.connection.execute("update creator_stats set counted_at = null where recorded_date = %s", [DAY])
        assert growth(facts, 1, 1)[0] == pytest.approx(0.1)

    def test_passes_a_base_over_that_is_less_than_half_of_its_days_away(self, facts: Facts) -> None:
        keep(facts, 10_000, 11_000, hours={0: 23, 1: 10})
        assert growth(facts, 1, 1) == (None, None, None)
        keep(facts, None, None, 12_000, hours={2: 22})
        # Twelve hours or more are enough: 36 hours lie between the last two.
        assert growth(facts, 2, 1)[0] == pytest.approx((12 / 11) ** (24 / 36) - 1)

    def test_from_nobody_is_unknown_and_to_nobody_is_a_loss_of_all(self, facts: Facts) -> None:
        keep(facts, 0, 10_000, 0)
        assert growth(facts, 1, 1) == (None, None, None)
        assert growth(facts, 2, 1) == (-1, 1, False)
        assert metrics(facts, 2)["view_follower_ratio"] is None

    def test_a_zero_of_an_older_installation_is_no_count(self, facts: Facts) -> None:
        keep(facts, 0)
        facts.connection.execute("update creator_stats set counted_at = null")
        assert facts.rows("select 1 from comet_creator_metrics") == []

    def test_is_that_of_the_newest_count_of_a_week(self, facts: Facts) -> None:
        keep(facts, 10_000, 10_500)
        run_on(facts, 8)
        run_on(facts, 9)
        assert (metrics(facts, 8)["counted_date"], growth(facts, 8, 1)[1]) == (day(1), 1)
        assert facts.rows("select 1 from comet_creator_metrics where recorded_date = %s", day(9)) == []

    def test_where_the_newest_row_is_late_there_is_no_place(self, facts: Facts) -> None:
        keep(facts, 10_000)
        keep(facts, None, 9_000, basis="late")
        assert facts.rows("select recorded_date from comet_creator_metrics") == [(DAY,)]

    def test_numbers_as_great_as_can_be_are_no_error(self, facts: Facts) -> None:
        greatest = 2**63 - 1
        keep(facts, 1, greatest, 1)
        see(facts, counted("v1", greatest, greatest, comment_count=greatest, share_count=greatest))
        # 3 x greatest interactions over greatest views
        assert metrics(facts, 2)["engagement_rate"] == pytest.approx(3)
        assert metrics(facts, 2)["acceleration"] == pytest.approx(-2 * greatest)


class TestAcceleration:
    def test_is_the_change_of_followers_per_day_between_the_middles_of_two_spans(self, facts: Facts) -> None:
        keep(facts, *on_days((0, 10_000), (2, 10_400), (5, 11_600)))
        row = metrics(facts, 5)
        # 1,200 in 3 days are 400 a day, 400 in 2 days 200 a day; the middles are 2.5 days apart
        assert (row["acceleration"], row["acceleration_days"]) == (80, 5)

    @pytest.mark.parametrize("dates", [(0, 1, 12), (0, 11, 12), (0, 1)])
    def test_is_unknown_over_a_span_of_more_than_ten_days(self, facts: Facts, dates: tuple[int, ...]) -> None:
        keep(facts, *on_days(*((number, 10_000 + number * number) for number in dates)))
        row = metrics(facts, dates[-1])
        assert (row["acceleration"], row["acceleration_days"]) == (None, None)

    def test_over_spans_of_ten_days_is_known(self, facts: Facts) -> None:
        keep(facts, *on_days((0, 10_000), (10, 11_000), (20, 11_000)))
        # 0 a day after 100 a day
        assert metrics(facts, 20)["acceleration"] == -10

    def test_what_whole_followers_cannot_tell_is_no_acceleration(self, facts: Facts) -> None:
        keep(facts, 10_000, 10_100, 10_202, 10_305, 10_411)
        assert [metrics(facts, number)["acceleration"] for number in (2, 3, 4)] == [0, 0, 3]

    def test_estimated_rows_are_no_readings(self, facts: Facts) -> None:
        keep(facts, *on_days((0, 10_000), (1, 10_010), (3, 10_400)))
        keep(facts, *on_days((2, 10_205)), basis="estimated")
        assert metrics(facts, 2)["acceleration"] is None
        # 195 a day over two days after 10 a day; the middles are 1.5 days apart
        assert metrics(facts, 3)["acceleration"] == pytest.approx(185 / 1.5)


class TestSample:
    def test_engagement_is_a_ratio_of_sums(self, facts: Facts) -> None:
        keep(facts, 10_000)
        see(facts, counted("v1", 1_000, 90, comment_count=6, share_count=4), counted("v2", 9_000, 100))
        # (100 + 100) / (1,000 + 9,000); the mean of both rates would be 0.0556
        assert metrics(facts)["engagement_rate"] == pytest.approx(0.02)

    @pytest.mark.parametrize("missing", ["like_count", "comment_count", "share_count"])
    def test_a_video_with_an_unknown_count_has_views_but_no_engagement(self, facts: Facts, missing: str) -> None:
        keep(facts, 10_000)
        see(facts, counted("v1", 1_000, 100), counted("v2", 9_000, 5_000, **{missing: None}))
        row = metrics(facts)
        assert (row["engagement_rate"], row["engagement_video_count"]) == (pytest.approx(0.1), 1)
        # The median of 1,000 and 9,000 views, over 10,000 followers
        assert (row["view_follower_ratio"], row["video_count"]) == (pytest.approx(0.5), 2)

    def test_a_video_without_views_divides_nothing(self, facts: Facts) -> None:
        keep(facts, 10_000)
        see(facts, counted("v1", 0, 50))
        row = metrics(facts)
        assert (row["engagement_rate"], row["view_follower_ratio"]) == (None, 0)
        assert (row["video_count"], row["engagement_video_count"]) == (1, 0)

    def test_a_video_of_unknown_views_is_not_in_it(self, facts: Facts) -> None:
        keep(facts, 10_000)
        see(facts, counted("v1", None, 50))
        row = metrics(facts)
        assert (row["engagement_rate"], row["view_follower_ratio"], row["video_count"]) == (None, None, 0)

    def test_takes_each_video_once_with_its_newest_counts(self, facts: Facts) -> None:
        keep(facts, 10_000, 10_000)
        see(facts, counted("v1", 1_000, 100), hashtag="a")
        see(facts, counted("v1", 1_000, 100), hashtag="b")
        see(facts, counted("v1", 4_000, 200), at=noon(day(1)))
        see(facts, counted("v1", None, 300), at=noon(day(1)) + timedelta(hours=1))
        see(facts, counted("v1", 8_000, 800), at=noon(day(2)))
        assert [metrics(facts, number)["engagement_rate"] for number in (0, 1)] == [
            pytest.approx(0.1),  # 100 / 1,000
            pytest.approx(0.05),  # 200 / 4,000: what was seen on day 2 is not known on day 1
        ]
        assert metrics(facts, 1)["video_count"] == 1

    def test_reaches_back_thirty_days_counting_the_date(self, facts: Facts) -> None:
        keep(facts, *on_days((29, 10_000), (30, 10_000)))
        see(facts, counted("v1", 1_000))
        assert [metrics(facts, number)["video_count"] for number in (29, 30)] == [1, 0]

    def test_goes_by_dates_that_were_run_and_the_timezone_of_the_run(self, facts: Facts) -> None:
        keep(facts, *on_days((0, 10_000), (1, 10_000)))
        facts.timezone = "Asia/Tokyo"
        # 16:00 in London is 01:00 of the next day in Tokyo
        facts.land_page(counted("v1", 1_000), recorded_date=day(-1), observed_at=noon(DAY) + timedelta(hours=4))
        assert [metrics(facts, number)["video_count"] for number in (0, 1)] == [0, 0]
        run_on(facts, -1)
        assert [metrics(facts, number)["video_count"] for number in (0, 1)] == [0, 1]

    def test_is_the_creators_own(self, facts: Facts) -> None:
        keep(facts, 10_000)
        see(facts, counted("v1", 1_000, user_id="72"))
        assert metrics(facts)["video_count"] == 0


class TestBreakout:
    PLAYS = (1_000, 2_000, 3_000, 4_000, 5_000)

    def test_is_held_against_the_median_of_the_others(self, facts: Facts) -> None:
        keep(facts, 10_000)
        see(facts, counted("hit", 60_000), *(counted(f"v{plays}", plays) for plays in self.PLAYS))
        row = metrics(facts)
        # The median of the five others is 3,000; with the hit it would be 3,500
        assert (row["breakout_ratio"], row["breakout_video_id"], row["breakout_other_count"]) == (20, "hit", 5)

    def test_is_unknown_with_four_others(self, facts: Facts) -> None:
        keep(facts, 10_000)
        see(facts, counted("hit", 60_000), *(counted(f"v{plays}", plays) for plays in self.PLAYS[1:]))
        row = metrics(facts)
        assert (row["breakout_ratio"], row["breakout_video_id"], row["breakout_other_count"]) == (None, None, 4)

    @pytest.mark.parametrize(
        ("age", "is_compared"),
        [(timedelta(hours=72), True), (timedelta(hours=71), False), (timedelta(hours=-1), False), (None, False)],
    )
    def test_others_are_three_days_old_when_seen(self, facts: Facts, age: timedelta | None, is_compared: bool) -> None:
        keep(facts, 10_000)
        published_at = None if age is None else noon(DAY) - age
        see(
            facts,
            counted("hit", 60_000, published_at=noon(DAY)),
            counted("v0", 1_000, published_at=published_at),
            *(counted(f"v{plays}", plays) for plays in self.PLAYS[1:]),
        )
        assert metrics(facts)["breakout_ratio"] == (20 if is_compared else None)

    def test_over_others_that_nobody_saw_is_unknown(self, facts: Facts) -> None:
        keep(facts, 10_000)
        see(facts, counted("hit", 60_000), *(counted(f"v{number}", 0) for number in range(5)))
        assert metrics(facts)["breakout_ratio"] is None


class TestVideos:
    def rows(self, facts: Facts, columns: str) -> list[Row]:
        query = f"select {columns} from comet_video_metrics order by video_id, observed_at"
        return facts.connection.execute(query.encode()).fetchall()

    def test_gain_views_since_the_nearest_sighting_an_hour_or_more_before(self, facts: Facts) -> None:
        for minutes, plays in ((0, 1_000), (60, 1_500), (90, 9_000), (180, None), (240, 7_500)):
            see(facts, counted("v1", plays), at=noon(DAY) + timedelta(minutes=minutes))
        assert self.rows(facts, "views_per_hour") == [
            (None,),
            (500,),  # 500 in an hour
            (pytest.approx(8_000 / 1.5),),  # since 0:00, as 1:00 is only half an hour away
            (None,),
            (-600,),  # a corrected count: 1,500 less in the 2.5 hours since 1:30
        ]

    def test_have_a_lifetime_average_of_its_own(self, facts: Facts) -> None:
        see(
            facts,
            counted("v1", 1_200, published_at=noon(DAY) - timedelta(hours=24)),
            counted("v2", 1_200, published_at=noon(DAY)),
            counted("v3", 1_200, published_at=noon(day(1))),
            counted("v4", 1_200, published_at=None),
            counted("v5", None),
        )
        assert self.rows(facts, "lifetime_views_per_hour, views_per_hour") == [(50, None)] + [(None, None)] * 4

    def test_engage_by_their_own_views(self, facts: Facts) -> None:
        see(
            facts,
            counted("v1", 1_000, 90, comment_count=6, share_count=4),
            counted("v2", 0, 90),
            counted("v3", 1_000, None),
        )
        assert self.rows(facts, "engagement_rate") == [(pytest.approx(0.1),), (None,), (None,)]

    def test_are_one_row_at_one_instant(self, facts: Facts) -> None:
        for hashtag in ("a", "b"):
            see(facts, counted("v1", 1_000), counted("v1", 1_000), hashtag=hashtag)
        assert self.rows(facts, "video_id, previous_observed_at") == [("v1", None)]
        assert facts.rows("select count(*) from comet_video_sightings") == [(4,)]


def test_every_metric_says_what_it_is(facts: Facts) -> None:
    undefined = facts.rows(
        "select attname from pg_attribute where attrelid = 'comet_creator_metrics'::regclass and attnum > 0 "
        "and attname not in ('user_id', 'recorded_date') and col_description(attrelid, attnum) is null"
    )
    assert undefined == []
