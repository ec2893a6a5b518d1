"""filter_comets.sql: who is a Comet, and by which evidence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.sql.builders import DAY, Facts, Profile, Video, day, noon

EVERYTHING = """
    select jsonb_build_object(
        'discoveries', (select jsonb_agg(to_jsonb(found) || jsonb_build_object('xmin', found.xmin) order by found)
                        from comet_discoveries as found),
        'run_discoveries', (select jsonb_agg(to_jsonb(found) order by found) from comet_run_discoveries as found)
    )
"""


def filter_comets(facts: Facts, **request: object) -> set[str]:
    """Run the filter over what is landed and return whom this run found."""
    run_id = facts.accept(**request)
    facts.step("filter_comets", run_id)
    return {user_id for (user_id,) in facts.rows("select user_id from comet_run_discoveries where run_id = %s", run_id)}


def discovered(facts: Facts) -> set[str]:
    """Whom any run has discovered."""
    return {user_id for (user_id,) in facts.rows("select user_id from comet_discoveries")}


@pytest.mark.parametrize(
    ("follower_count", "is_comet"), [(9_999, False), (10_000, True), (100_000, True), (100_001, False)]
)
def test_both_ends_of_the_follower_range_count(facts: Facts, follower_count: int, is_comet: bool) -> None:
    facts.land_page(Video(follower_count=follower_count))
    assert bool(filter_comets(facts)) is is_comet


@pytest.mark.parametrize(("play_count", "is_comet"), [(None, False), (0, False), (49_999, False), (50_000, True)])
def test_a_video_counts_from_the_minimum_of_views_on(facts: Facts, play_count: int | None, is_comet: bool) -> None:
    facts.land_page(Video(play_count=play_count))
    assert bool(filter_comets(facts)) is is_comet


def test_no_minimum_of_views_does_not_make_unknown_views_known(facts: Facts) -> None:
    facts.land_page(Video("71", "v1", play_count=0), Video("72", "v2", play_count=None))
    assert filter_comets(facts, min_video_views=0) == {"71"}


def test_a_creator_under_three_hashtags_is_one_comet_with_all_three(facts: Facts) -> None:
    for hashtag in ("猫", "gymtok", "café"):
        facts.land_page(Video(), hashtag=hashtag)
    assert filter_comets(facts, hashtags=["猫", "gymtok", "café"]) == {"71"}
    assert {tag for (tag,) in facts.rows("select hashtag from comet_discoveries where user_id = '71'")} == {
        "猫",
        "gymtok",
        "café",
    }


def test_every_video_that_proves_a_comet_is_kept(facts: Facts) -> None:
    facts.land_page(Video(video_id="v1"), Video(video_id="v2", play_count=70_000), Video(video_id="v3", play_count=9))
    filter_comets(facts)
    assert facts.rows("select video_id, play_count from comet_discoveries order by 1") == [
        ("v1", 50_000),
        ("v2", 70_000),
    ]


def test_a_video_listed_twice_is_one_proof(facts: Facts) -> None:
    facts.land_page(Video(), Video())
    facts.land_page(Video())
    filter_comets(facts)
    assert facts.rows("select user_id, video_id, hashtag from comet_discoveries") == [("71", "v1", "cozygaming")]


class TestUnknownFollowers:
    def test_without_a_profile_nobody_is_judged(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=None))
        assert filter_comets(facts, min_followers=0) == set()

    def test_a_profile_of_the_same_date_judges(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=None))
        facts.land_profile(Profile(follower_count=10_000))
        assert filter_comets(facts) == {"71"}
        assert facts.rows("select follower_count from comet_discoveries") == [(10_000,)]

    def test_the_latest_known_profile_of_the_date_judges(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=None))
        facts.land_profile(Profile(follower_count=30_000), observed_at=noon(DAY) + timedelta(hours=1))
        facts.land_profile(Profile(follower_count=None), observed_at=noon(DAY) + timedelta(hours=2))
        facts.land_profile(Profile(follower_count=9), observed_at=noon(DAY))
        facts.land_profile(Profile(outcome="no_account"), observed_at=noon(DAY) + timedelta(hours=3))
        assert filter_comets(facts) == {"71"}

    @pytest.mark.parametrize("offset", [-1, 1])
    def test_a_profile_of_another_date_does_not_judge(self, facts: Facts, offset: int) -> None:
        facts.land_page(Video(follower_count=None))
        facts.land_profile(Profile(follower_count=20_000), recorded_date=day(offset), observed_at=noon(DAY))
        assert filter_comets(facts) == set()

    def test_a_profile_of_the_date_counts_whenever_it_was_read(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=None), observed_at=noon(day(9)))
        facts.land_profile(Profile(follower_count=20_000), recorded_date=DAY, observed_at=noon(day(9)))
        assert filter_comets(facts) == {"71"}

    def test_zero_in_a_profile_is_a_known_zero(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=None))
        facts.land_profile(Profile(follower_count=20_000), observed_at=noon(DAY))
        facts.land_profile(Profile(follower_count=0), observed_at=noon(DAY) + timedelta(minutes=1))
        assert filter_comets(facts) == set()
        assert filter_comets(facts, min_followers=0, max_followers=0) == {"71"}

    def test_a_profile_does_not_overrule_what_search_knew(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=20_000))
        facts.land_profile(Profile(follower_count=9), observed_at=noon(DAY) + timedelta(hours=1))
        assert filter_comets(facts) == {"71"}


class TestSeveralCounts:
    def test_the_latest_known_count_of_a_search_judges_all_its_videos(self, facts: Facts) -> None:
        facts.land_page(Video(video_id="v1", follower_count=9_000))
        facts.land_page(Video(video_id="v2", follower_count=11_000), observed_at=noon(DAY) + timedelta(minutes=1))
        facts.land_page(Video(video_id="v3", follower_count=None), observed_at=noon(DAY) + timedelta(minutes=2))
        assert filter_comets(facts) == {"71"}
        assert facts.rows("select video_id, follower_count from comet_discoveries order by 1") == [
            ("v1", 11_000),
            ("v2", 11_000),
            ("v3", 11_000),
        ]

    def test_a_later_answer_counts_even_if_it_was_landed_first(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=9_000), observed_at=noon(DAY) + timedelta(minutes=1))
        facts.land_page(Video(follower_count=20_000), observed_at=noon(DAY))
        assert filter_comets(facts) == set()

    def test_within_a_page_the_last_count_judges(self, facts: Facts) -> None:
        facts.land_page(Video(video_id="v1", follower_count=20_000), Video(video_id="v2", follower_count=9_000))
        assert filter_comets(facts) == set()

    def test_between_pages_of_one_instant_the_one_landed_later_judges(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=9_000), Video(follower_count=9_000))
        facts.land_page(Video(follower_count=20_000))
        assert filter_comets(facts) == {"71"}

    def test_a_video_below_the_views_still_tells_the_count(self, facts: Facts) -> None:
        facts.land_page(
            Video(video_id="v1", follower_count=None), Video(video_id="v2", play_count=3, follower_count=20_000)
        )
        assert filter_comets(facts) == {"71"}

    def test_searches_are_judged_one_by_one(self, facts: Facts) -> None:
        facts.land_page(Video(video_id="v1", follower_count=20_000), hashtag="a")
        facts.land_page(
            Video(video_id="v2", follower_count=9_000), hashtag="b", observed_at=noon(DAY) + timedelta(hours=1)
        )
        assert filter_comets(facts, hashtags=["a", "b"]) == {"71"}
        assert facts.rows("select video_id, hashtag, follower_count from comet_discoveries") == [("v1", "a", 20_000)]

    def test_one_search_may_know_what_another_needs_a_profile_for(self, facts: Facts) -> None:
        facts.land_page(Video(video_id="v1", follower_count=None), hashtag="a")
        facts.land_page(Video(video_id="v2", follower_count=20_000), hashtag="b")
        facts.land_profile(Profile(follower_count=5))
        filter_comets(facts, hashtags=["a", "b"])
        assert facts.rows("select video_id, hashtag from comet_discoveries") == [("v2", "b")]


class TestWhatIsConsidered:
    def test_rows_of_an_unfinished_search(self, facts: Facts) -> None:
        facts.land_page(Video(), stop_reason=None)
        assert filter_comets(facts) == {"71"}

    def test_rows_of_an_earlier_round(self, facts: Facts) -> None:
        facts.land_page(Video("71", "v1"), round_number=1)
        facts.land_page(Video("72", "v2"), round_number=2)
        assert filter_comets(facts) == {"71", "72"}

    @pytest.mark.parametrize(
        "search",
        [
            {"region": "DE"},
            {"publish_time_days": 7},
            {"hashtag": "gymtok"},
            {"recorded_date": day(1)},
            {"recorded_date": day(-1)},
        ],
        ids=lambda search: next(iter(search)),
    )
    def test_not_another_search(self, facts: Facts, search: dict[str, object]) -> None:
        facts.land_page(Video(), **search)  # type: ignore[arg-type]
        assert filter_comets(facts) == set()

    def test_another_region_does_not_tell_the_count(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=None))
        facts.land_page(Video(follower_count=20_000), region="DE")
        assert filter_comets(facts) == set()


class TestPublication:
    @pytest.mark.parametrize(
        ("timezone", "end_of_date"),
        [
            ("UTC", "2026-03-29T00:00:00+00:00"),
            ("Asia/Tokyo", "2026-03-28T15:00:00+00:00"),
            ("America/Los_Angeles", "2026-03-29T07:00:00+00:00"),
            ("Pacific/Kiritimati", "2026-03-28T10:00:00+00:00"),
        ],
    )
    def test_by_the_end_of_the_date_in_the_timezone_of_the_run(
        self, facts: Facts, timezone: str, end_of_date: str
    ) -> None:
        date = datetime(2026, 3, 28, tzinfo=UTC).date()
        end = datetime.fromisoformat(end_of_date)
        facts.land_page(
            Video("71", "v1", published_at=end - timedelta(microseconds=1)),
            Video("72", "v2", published_at=end),
            recorded_date=date,
            observed_at=end + timedelta(days=30),
        )
        assert filter_comets(facts, recorded_date=date, timezone=timezone) == {"71"}

    @pytest.mark.parametrize(
        ("timezone", "date", "last", "first_of_next"),
        [
            # The clocks go forward on this date, which has 23 hours.
            ("Europe/Berlin", "2026-03-29", "2026-03-29T21:59:59+00:00", "2026-03-29T22:00:00+00:00"),
            # They go back: 25 hours.
            ("America/New_York", "2026-11-01", "2026-11-02T04:59:59+00:00", "2026-11-02T05:00:00+00:00"),
            # The next date has no midnight: it begins at 01:00.
            ("Asia/Beirut", "2026-03-28", "2026-03-28T21:59:59+00:00", "2026-03-28T22:00:00+00:00"),
            # The next date has midnight twice, because its first hour is repeated.
            ("America/Havana", "2026-10-31", "2026-11-01T03:59:59+00:00", "2026-11-01T04:00:00+00:00"),
        ],
    )
    def test_by_the_end_of_a_date_on_which_the_clocks_change(
        self, facts: Facts, timezone: str, date: str, last: str, first_of_next: str
    ) -> None:
        recorded_date = datetime.fromisoformat(date).date()
        facts.land_page(
            Video("71", "v1", published_at=datetime.fromisoformat(last)),
            Video("72", "v2", published_at=datetime.fromisoformat(first_of_next)),
            recorded_date=recorded_date,
        )
        assert filter_comets(facts, recorded_date=recorded_date, timezone=timezone) == {"71"}

    def test_within_the_days_that_were_asked_for(self, facts: Facts) -> None:
        first = datetime(2026, 2, 22, tzinfo=UTC)
        facts.land_page(
            Video("71", "v1", published_at=first),
            Video("72", "v2", published_at=first - timedelta(microseconds=1)),
            publish_time_days=7,
        )
        assert filter_comets(facts, publish_time_days=7) == {"71"}

    def test_any_time_ago_when_no_days_were_asked_for(self, facts: Facts) -> None:
        facts.land_page(Video(published_at=datetime(2016, 9, 1, tzinfo=UTC)))
        assert filter_comets(facts) == {"71"}

    @pytest.mark.parametrize(("read_on", "is_comet"), [(0, True), (1, False)])
    def test_unknown_publication_is_known_to_be_before_the_reading(
        self, facts: Facts, read_on: int, is_comet: bool
    ) -> None:
        facts.land_page(Video(published_at=None), observed_at=noon(day(read_on)))
        assert bool(filter_comets(facts)) is is_comet


class TestDiscoveriesAreFacts:
    def test_runs_of_a_date_are_united_and_nothing_is_withdrawn(self, facts: Facts) -> None:
        facts.land_page(Video("71", "v1", follower_count=20_000), Video("72", "v2", follower_count=50_000))
        assert filter_comets(facts, max_followers=30_000) == {"71"}
        assert filter_comets(facts, min_followers=30_000) == {"72"}
        facts.land_page(Video("71", "v1", follower_count=9), observed_at=noon(DAY) + timedelta(hours=1))
        assert filter_comets(facts) == {"72"}
        assert discovered(facts) == {"71", "72"}

    def test_a_run_filtered_again_reports_what_it_finds_now(self, facts: Facts) -> None:
        facts.land_page(Video("71", "v1"))
        run_id = facts.accept()
        facts.step("filter_comets", run_id)
        facts.land_page(Video("72", "v2"))
        facts.land_page(Video("71", "v1", follower_count=9), observed_at=noon(DAY) + timedelta(hours=1))
        facts.step("filter_comets", run_id)
        assert facts.rows("select user_id from comet_run_discoveries") == [("72",)]
        assert discovered(facts) == {"71", "72"}

    def test_other_runs_keep_their_findings(self, facts: Facts) -> None:
        facts.land_page(Video())
        filter_comets(facts, run_id="first")
        filter_comets(facts, run_id="second")
        assert facts.rows("select run_id from comet_run_discoveries order by 1") == [("first",), ("second",)]

    def test_dates_are_facts_of_their_own(self, facts: Facts) -> None:
        facts.land_page(Video(), recorded_date=day(1))
        filter_comets(facts, recorded_date=DAY)
        filter_comets(facts, recorded_date=day(1))
        assert facts.rows("select recorded_date from comet_discoveries") == [(day(1),)]

    def test_a_second_time_changes_nothing(self, facts: Facts) -> None:
        facts.land_page(Video("71", "v1"), Video("72", "v2"))
        run_id = facts.accept()
        facts.step("filter_comets", run_id)
        before = facts.rows(EVERYTHING)
        facts.step("filter_comets", run_id)
        assert facts.rows(EVERYTHING) == before

    def test_a_refused_run_changes_nothing(self, facts: Facts) -> None:
        facts.land_page(Video())
        filter_comets(facts)
        before = facts.rows(EVERYTHING)
        facts.step("filter_comets", "refused")
        assert facts.rows(EVERYTHING) == before


def test_counts_above_2_to_the_31_are_judged_as_they_are(facts: Facts) -> None:
    facts.land_page(Video(follower_count=2**33, play_count=2**62))
    assert filter_comets(facts) == set()
    assert filter_comets(facts, min_followers=2**33, max_followers=2**33, min_video_views=2**62) == {"71"}
    assert facts.rows("select follower_count, play_count from comet_discoveries") == [(2**33, 2**62)]


def test_evidence_of_a_video_listed_twice_is_its_greatest_count_of_views(facts: Facts) -> None:
    facts.land_page(Video(play_count=60_000), Video(play_count=80_000), Video(play_count=70_000))
    filter_comets(facts)
    assert facts.rows("select play_count from comet_discoveries") == [(80_000,)]
