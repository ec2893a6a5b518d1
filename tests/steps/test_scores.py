"""score_creators.sql: percentiles and scores computed by hand, and when a ranking is replaced."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.steps.builders import DAY, WEIGHTS, Facts, Profile, Row, Video, day, everything, noon

PERCENTILE = "(ranks -> 'growth' ->> 'percentile')::float8"


def track(facts: Facts, **counts: list[int]) -> str:
    """Read creators (u71 is 71) on DAY and the dates after it, run all these dates, and return the last run."""
    for name in counts:
        facts.connection.execute("insert into creators (user_id) values (%s)", [name[1:]])
    run_id = ""
    for number in range(max(map(len, counts.values()))):
        for name, known in counts.items():
            if number < len(known):
                facts.observe(known[number], day(number), user_id=name[1:])
        run_id = facts.run(day(number))
    return run_id


def score_with(facts: Facts, run_id: str, version: int = 1, **weights: float) -> None:
    """Execute the step with other weights."""
    facts.step(
        "score_creators",
        run_id,
        score_version=version,
        score_weights=json.dumps({**dict.fromkeys(WEIGHTS, 0), **weights}),
    )


def scores(facts: Facts, number: int, columns: str = "score") -> dict[str, Any]:
    """Return the comet_scores of the date `number` days after DAY, by creator."""
    query = f"select user_id, {columns} from comet_scores where recorded_date = %s order by user_id"
    rows = facts.connection.execute(query.encode(), [day(number)]).fetchall()
    return {user_id: values[0] if len(values) == 1 else values for user_id, *values in rows}


def parts(facts: Facts, number: int, user_id: str, columns: str) -> dict[str, Row]:
    """Return the parts of a score."""
    query = f"select part, {columns} from comet_score_parts where recorded_date = %s and user_id = %s"
    return {part: tuple(values) for part, *values in facts.connection.execute(query.encode(), [day(number), user_id])}


class TestScore:
    def test_percentile_is_the_share_below_and_half_of_the_ties(self, facts: Facts) -> None:
        # Growth of 10 %, 20 %, 20 % and 30 %: (0 + 1/2) / 4, (1 + 2/2) / 4 twice, (3 + 1/2) / 4; 75 has no growth.
        run_id = track(facts, u71=[100, 110], u72=[100, 120], u73=[1_000, 1_200], u74=[100, 130])
        facts.observe(5_000, day(1), user_id="75")
        facts.connection.execute("insert into creators (user_id) values ('75')")
        facts.run_again(run_id)
        assert scores(facts, 1, PERCENTILE) == {"71": 0.125, "72": 0.5, "73": 0.5, "74": 0.875, "75": None}
        assert parts(facts, 1, "72", "peer_count")["growth"] == (4,)
        score_with(facts, run_id, growth=3)
        assert scores(facts, 1) == {
            "71": Decimal("12.50"),
            "72": Decimal("50.00"),
            "73": Decimal("50.00"),
            "74": Decimal("87.50"),
            "75": None,
        }

    def test_weights_the_known_parts_and_shows_the_points_of_each(self, facts: Facts) -> None:
        # Growth on day 2: 12.7 % and 25 %. Acceleration over followers: (14 - 10) / 124, and (30 - 20) / 150.
        track(facts, u71=[100, 110, 124], u72=[100, 120, 150], u73=[100, 100, 97])
        # 73 is last in both: (1/2) / 3; 71 is second: (1 + 1/2) / 3; 72 is first: (2 + 1/2) / 3
        assert scores(facts, 2) == {"71": Decimal("50.00"), "72": Decimal("83.33"), "73": Decimal("16.67")}
        found = parts(facts, 2, "72", "percentile, weight, points, sample_count, sample_unit, peer_count, is_thin")
        assert found["growth"] == (pytest.approx(5 / 6), 0.35, pytest.approx(58.3333, abs=1e-3), 1, "days", 3, True)
        assert found["acceleration"] == (pytest.approx(5 / 6), 0.15, pytest.approx(25), 2, "days", 3, False)
        assert found["reach"] == (None, 0.2, None, 0, "videos", None, True)

    def test_includes_videos(self, facts: Facts) -> None:
        for user_id, likes in (("71", 500), ("72", 1_000)):
            facts.land_page(
                *(
                    Video(user_id, f"{user_id}-{n}", handle=user_id, like_count=likes, comment_count=0, share_count=0)
                    for n in range(3)
                )
            )
        facts.run()
        # Engagement of 1 % and 2 %: 1/4 and 3/4. Reach is 50,000 / 20,000 for both: 1/2.
        assert scores(facts, 0) == {"71": Decimal("37.50"), "72": Decimal("62.50")}
        found = parts(facts, 0, "71", "value, sample_count, is_thin")
        assert found["engagement"] == (pytest.approx(0.01), 3, False)
        assert found["reach"] == (2.5, 3, False)
        # Only two other videos are three days old: breakout needs five
        assert found["breakout"] == (None, 2, True)

    def test_is_unknown_without_a_part_of_any_weight(self, facts: Facts) -> None:
        run_id = track(facts, u71=[100, 110])
        assert scores(facts, 0, "score, is_low_confidence") == {"71": [None, True]}
        score_with(facts, run_id, reach=1)
        assert scores(facts, 1) == {"71": None}
        assert parts(facts, 1, "71", "points")["growth"] == (None,)

    def test_changes_with_the_weights_which_the_date_stores(self, facts: Facts) -> None:
        run_id = track(facts, u71=[100, 110, 121], u72=[100, 150, 180])
        assert scores(facts, 2) == {"71": Decimal("40.00"), "72": Decimal("60.00")}
        score_with(facts, run_id, version=2, acceleration=1)
        assert scores(facts, 2) == {"71": Decimal("75.00"), "72": Decimal("25.00")}
        assert facts.rows(
            "select recorded_date, score_version, score_weights ->> 'growth' from comet_dates order by 1"
        ) == [(DAY, 1, "0.35"), (day(1), 1, "0.35"), (day(2), 2, "0")]


class TestConfidence:
    @pytest.fixture
    def run_id(self, facts: Facts) -> str:
        """Run a week of a creator with three videos: all parts but breakout, which weighs a tenth."""
        videos = [Video(video_id=f"v{n}", like_count=1, comment_count=1, share_count=1) for n in range(3)]
        facts.land_page(*videos)
        return track(facts, u71=[20_000 + number for number in range(8)])

    def test_needs_a_week_and_three_videos(self, facts: Facts, run_id: str) -> None:
        assert [scores(facts, number, "is_low_confidence")["71"] for number in (6, 7)] == [True, False]
        assert parts(facts, 7, "71", "sample_count, is_thin")["growth"] == (7, False)
        facts.connection.execute("delete from comet_videos where video_id = 'v2'")
        facts.step("score_creators", run_id)
        assert scores(facts, 7, "is_low_confidence, video_count") == {"71": [True, 2]}
        score_with(facts, run_id, growth=1)
        assert scores(facts, 7, "is_low_confidence, video_count") == {"71": [False, 2]}

    @pytest.mark.parametrize(("breakout", "is_low"), [(0.30, False), (0.31, True)])
    def test_needs_seven_tenths_of_the_weight(self, facts: Facts, run_id: str, breakout: float, is_low: bool) -> None:
        score_with(facts, run_id, growth=1 - breakout, breakout=breakout)
        assert scores(facts, 7, "is_low_confidence") == {"71": is_low}


class TestRanking:
    def test_scores_of_other_dates_stay_until_their_step_runs_again(self, facts: Facts) -> None:
        run_id = track(facts, u71=[20_000, 21_000, 22_000], u72=[20_000, 20_000, 20_000])
        stored = scores(facts, 2, "*")
        facts.land_profile(Profile(follower_count=10_000), day(1), noon(day(1)) + timedelta(hours=1))
        facts.run(day(1), is_live=False, scored_at="2026-04-01 00:00:00+00")
        assert scores(facts, 2, "*") == stored
        facts.step("score_creators", run_id, scored_at="2026-04-02 00:00:00+00")
        assert scores(facts, 2, "scored_at")["71"].isoformat() == "2026-04-02T00:00:00+00:00"

    def test_unchanged_scores_keep_their_scored_at(self, facts: Facts) -> None:
        run_id = track(facts, u71=[20_000, 21_000])
        before = everything(facts.connection)
        facts.step("score_creators", run_id, scored_at="2026-04-02 00:00:00+00")
        assert everything(facts.connection) == before

    def test_only_recorded_dates_have_one(self, facts: Facts) -> None:
        track(facts, u71=[20_000])
        facts.land_profile(Profile(follower_count=21_000), DAY, noon(day(1)))
        facts.run(DAY)
        facts.step("score_creators", facts.accept(recorded_date=day(1)))
        assert facts.rows("select max(recorded_date) from creator_stats") == [(day(1),)]
        assert facts.rows("select distinct recorded_date from comet_scores") == [(DAY,)]

    def test_holds_creators_with_a_count_of_the_last_week(self, facts: Facts) -> None:
        track(facts, u71=[20_000, 21_000])
        for number in (8, 9):
            facts.run(day(number))
        assert scores(facts, 8, "counted_date, follower_count") == {"71": [day(1), 21_000]}
        assert scores(facts, 9) == {}

    def test_drops_creators_that_lose_their_place(self, facts: Facts) -> None:
        run_id = track(facts, u71=[20_000])
        assert set(scores(facts, 0)) == {"71"}
        facts.connection.execute("update creator_stats set basis = 'late'")
        facts.step("score_creators", run_id)
        assert scores(facts, 0) == {}

    def test_moves_with_a_history_to_another_key(self, facts: Facts) -> None:
        legacy = "MS4wLjABAAAA-71"
        track(facts, **{f"u{legacy}": [20_000, 21_000]})
        facts.land_profile(Profile("71", 22_000, sec_uid=legacy), day(2))
        facts.run(day(2))
        assert facts.rows("select user_id, recorded_date - %s, growth_1d_rate from comet_scores order by 2", DAY) == [
            ("71", 0, None),
            ("71", 1, pytest.approx(0.05)),
            ("71", 2, pytest.approx(1 / 21)),
        ]

    def test_of_a_trimmed_date_stays(self, facts: Facts) -> None:
        facts.land_page(Video(like_count=500, comment_count=0, share_count=0))
        run_id = facts.run()
        before = scores(facts, 0, "*")
        facts.connection.execute("delete from comet_videos; update comet_dates set is_trimmed = true")
        facts.step("score_creators", run_id)
        assert scores(facts, 0, "*") == before
