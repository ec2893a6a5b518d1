"""filter_comets.sql: the rules of a Comet by example; random worlds cover which count applies."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.steps.builders import DAY, Facts, Profile, Video, day, noon


def filter_comets(facts: Facts, **request: object) -> set[str]:
    """Run the filter on what is landed and return the Comets of this run."""
    run_id = facts.accept(**request)
    facts.step("filter_comets", run_id)
    return {user_id for (user_id,) in facts.rows("select user_id from comet_run_discoveries where run_id = %s", run_id)}


class TestCriteria:
    def test_both_ends_of_the_follower_range_count(self, facts: Facts) -> None:
        counts = (9_999, 10_000, 100_000, 100_001)
        facts.land_page(*[Video(str(count), f"v{count}", follower_count=count) for count in counts])
        assert filter_comets(facts) == {"10000", "100000"}

    @pytest.mark.parametrize(("minimum", "found"), [(50_000, {"50000"}), (0, {"0", "49999", "50000"})])
    def test_unknown_views_are_below_every_minimum(self, facts: Facts, minimum: int, found: set[str]) -> None:
        counts = (None, 0, 49_999, 50_000)
        facts.land_page(*[Video(str(count), f"v{count}", play_count=count) for count in counts])
        assert filter_comets(facts, min_video_views=minimum) == found

    @pytest.mark.parametrize(("minimum", "found"), [(0, {"None", "9", "10"}), (10, {"10"})])
    def test_minimum_likes_count_beside_the_views(self, facts: Facts, minimum: int, found: set[str]) -> None:
        facts.land_page(*[Video(str(count), f"v{count}", like_count=count) for count in (None, 9, 10)])
        facts.land_page(Video("few views", "few views", play_count=49_999, like_count=10))
        assert filter_comets(facts, min_video_likes=minimum) == found

    def test_each_qualifying_video_is_stored_with_its_greatest_count_of_views(self, facts: Facts) -> None:
        facts.land_page(Video(video_id="v1", play_count=60_000), Video(video_id="v1", play_count=80_000))
        facts.land_page(Video(video_id="v2", play_count=70_000), Video(video_id="v3", play_count=9))
        filter_comets(facts)
        assert facts.rows("select video_id, play_count from comet_discoveries order by 1") == [
            ("v1", 80_000),
            ("v2", 70_000),
        ]

    def test_newest_count_of_a_search_applies_to_all_its_videos(self, facts: Facts) -> None:
        facts.land_page(Video(video_id="v1", follower_count=9_000))
        facts.land_page(Video(video_id="v2", follower_count=11_000), observed_at=noon(DAY) + timedelta(minutes=1))
        facts.land_page(Video(video_id="v3", follower_count=None), observed_at=noon(DAY) + timedelta(minutes=2))
        filter_comets(facts)
        assert facts.rows("select video_id, follower_count from comet_discoveries order by 1") == [
            ("v1", 11_000),
            ("v2", 11_000),
            ("v3", 11_000),
        ]

    def test_newest_profile_of_the_date_applies_where_the_search_has_no_count(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=None))
        assert filter_comets(facts, min_followers=0) == set()
        facts.land_profile(Profile(follower_count=30_000), observed_at=noon(DAY) + timedelta(hours=1))
        facts.land_profile(Profile(follower_count=None), observed_at=noon(DAY) + timedelta(hours=2))
        facts.land_profile(Profile(follower_count=9), observed_at=noon(DAY))
        facts.land_profile(Profile(follower_count=9), day(1), noon(DAY) + timedelta(hours=3))
        assert filter_comets(facts) == {"71"}

    @pytest.mark.parametrize(
        ("request_", "found"),
        [({"is_live": False}, {"71"}), ({}, set()), ({"is_live": False, "is_refresh": True}, set())],
    )
    def test_replay_uses_the_first_answer_since_its_date(
        self, facts: Facts, request_: dict[str, bool], found: set[str]
    ) -> None:
        facts.land_page(Video(follower_count=None))
        for number, count in ((-1, 9), (2, 40_000), (3, 9)):
            facts.observe(count, day(number))
        assert filter_comets(facts, **request_) == found


class TestLandedVideos:
    def test_of_unfinished_searches_and_earlier_attempts_count(self, facts: Facts) -> None:
        facts.land_page(Video("71", "v1"), attempt_number=1)
        facts.land_page(Video("72", "v2"), attempt_number=2, stop_reason=None)
        assert filter_comets(facts) == {"71", "72"}

    def test_of_other_searches_do_not_count(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=None))
        facts.land_page(Video(), region="DE")
        facts.land_page(Video(), publish_time_days=7)
        facts.land_page(Video(), hashtag="gymtok")
        facts.land_page(Video(), recorded_date=day(1))
        facts.land_page(Video(), recorded_date=day(-1))
        assert filter_comets(facts) == set()


class TestPublication:
    @pytest.mark.parametrize(
        ("timezone", "recorded_date", "end"),
        [
            # The next date has no midnight: it begins at 01:00.
            ("Asia/Beirut", "2026-03-28", "2026-03-28T22:00:00+00:00"),
            # The next date has midnight twice, because its first hour is repeated.
            ("America/Havana", "2026-10-31", "2026-11-01T04:00:00+00:00"),
        ],
    )
    def test_is_before_the_end_of_the_date_in_the_run_timezone(
        self, facts: Facts, timezone: str, recorded_date: str, end: str
    ) -> None:
        end_at = datetime.fromisoformat(end)
        facts.land_page(
            Video("71", "v1", published_at=end_at - timedelta(microseconds=1)),
            Video("72", "v2", published_at=end_at),
            recorded_date=date.fromisoformat(recorded_date),
            observed_at=end_at + timedelta(days=30),
        )
        assert filter_comets(facts, recorded_date=date.fromisoformat(recorded_date), timezone=timezone) == {"71"}

    def test_is_within_publish_time_days(self, facts: Facts) -> None:
        first = datetime(2026, 2, 22, tzinfo=UTC)
        facts.land_page(
            Video("71", "v1", published_at=first),
            Video("72", "v2", published_at=first - timedelta(microseconds=1)),
            publish_time_days=7,
        )
        assert filter_comets(facts, publish_time_days=7) == {"71"}


class TestDiscoveries:
    def test_of_a_repeated_run_are_replaced_and_those_of_the_date_stay(self, facts: Facts) -> None:
        facts.land_page(Video("71", "v1"))
        run_id = facts.accept(run_id="first")
        facts.step("filter_comets", run_id)
        filter_comets(facts, run_id="second")
        facts.land_page(Video("72", "v2"))
        facts.land_page(Video("71", "v1", follower_count=9), observed_at=noon(DAY) + timedelta(hours=1))
        facts.step("filter_comets", run_id)
        discoveries = facts.rows("select run_id, user_id from comet_run_discoveries order by 1")
        assert discoveries == [("first", "72"), ("second", "71")]
        assert facts.rows("select user_id from comet_discoveries order by 1") == [("71",), ("72",)]
