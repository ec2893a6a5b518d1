"""The quality checks on small tables: what each of them measures, and at which value it fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.rows import dict_row

from comets.database.client import Database
from comets.profiles.roll_call import plan_roll_call
from comets.quality.checks import CheckResult, Step, failed_messages, run_checks
from comets.settings import SQL_FOLDER, Checks
from tests.steps.builders import DAY, HASHTAG, Facts, Profile, Row, Video, day, noon

THRESHOLDS = Checks(min_sample_count=4, max_missing_field_share=0.5, min_answered_share=0.5, max_halved_share=0.25)


@pytest.fixture
def database(creators_url: str, connection: psycopg.Connection[Row]) -> Iterator[Database]:
    """The empty database as the tasks use it."""
    with psycopg.connect(creators_url, autocommit=True, row_factory=dict_row) as own:
        yield Database(own)


def check(database: Database, run_id: str, step: Step, **thresholds: Any) -> dict[str, CheckResult]:
    """Run the checks of a step; return the results by name of the check."""
    results = run_checks(database, run_id, step, THRESHOLDS.model_copy(update=thresholds))
    return {result.check_name.removeprefix(f"{step.value}."): result for result in results}


def failing(database: Database, run_id: str, step: Step, **thresholds: Any) -> set[str]:
    """Run the checks of a step; return the names of those that failed."""
    return {name for name, result in check(database, run_id, step, **thresholds).items() if result.is_failed}


class TestSearch:
    def test_ordinary_pages_pass(self, facts: Facts, database: Database) -> None:
        facts.land_page(*[Video(video_id=f"v{number}", follower_count=None) for number in range(20)])
        results = check(database, facts.accept(), Step.SEARCH)
        assert set(results) == {
            "hashtags_with_videos",
            "items_accounted_for",
            "items_without_id",
            "videos_in_future",
            "videos_without_play_count",
        }
        assert not any(result.is_failed for result in results.values())

    def test_fails_when_no_hashtag_has_videos(self, facts: Facts, database: Database) -> None:
        facts.land_page()
        facts.land_page(Video(), hashtag="another")
        facts.land_page(Video(), recorded_date=day(1))
        run_id = facts.accept(hashtags=[HASHTAG, "gymtok"])
        result = check(database, run_id, Step.SEARCH)["hashtags_with_videos"]
        assert (result.is_failed, float(result.measured_value or 0), float(result.threshold)) == (True, 0, 1)
        assert result.message == ("0 of 2 hashtags returned videos in the searches of 2026-03-01 (minimum 1).")
        facts.land_page(Video(), hashtag="gymtok", stop_reason=None)
        assert failing(database, run_id, Step.SEARCH) == set()

    def test_reads_the_last_attempt_of_a_search(self, facts: Facts, database: Database) -> None:
        facts.land_page(Video())
        facts.connection.execute("update comet_searches set attempt_number = 2")
        facts.land_page(attempt_number=2)
        assert failing(database, facts.accept(), Step.SEARCH) == {"hashtags_with_videos"}

    @pytest.mark.parametrize(("rejected", "landed", "is_failed"), [(2, 2, False), (3, 2, True), (2, 1, False)])
    def test_fails_when_over_half_of_the_items_have_no_id(
        self, facts: Facts, database: Database, rejected: int, landed: int, is_failed: bool
    ) -> None:
        facts.land_page(*[Video(video_id=f"v{number}") for number in range(landed)])
        reject(facts, rejected)
        result = check(database, facts.accept(), Step.SEARCH)["items_without_id"]
        assert result.is_failed is is_failed
        assert result.message.startswith(f"{rejected} of {rejected + landed} items (")
        assert "2026-03-01" in result.message
        assert "(maximum 50 %, with at least 4 items)" in result.message

    @pytest.mark.parametrize(("unknown", "known", "is_failed"), [(2, 2, False), (3, 2, True), (3, 0, False)])
    def test_fails_when_over_half_of_the_videos_have_no_views(
        self, facts: Facts, database: Database, unknown: int, known: int, is_failed: bool
    ) -> None:
        facts.land_page(*[Video(video_id=f"u{number}", play_count=None) for number in range(unknown)])
        facts.land_page(*[Video(video_id=f"k{number}", play_count=0) for number in range(known)])
        result = check(database, facts.accept(), Step.SEARCH)["videos_without_play_count"]
        assert result.is_failed is is_failed
        assert result.message.startswith(f"{unknown} of {unknown + known} videos (")

    @pytest.mark.parametrize("table", ["comet_videos", "comet_rejected_items"])
    def test_fails_when_one_item_is_neither_landed_nor_rejected(
        self, facts: Facts, database: Database, table: str
    ) -> None:
        facts.land_page(Video(video_id="v1"), Video(video_id="v2"))
        reject(facts, 1)
        run_id = facts.accept()
        assert failing(database, run_id, Step.SEARCH) == set()
        facts.connection.execute(f"delete from {table} where item_position = 0".encode())
        result = check(database, run_id, Step.SEARCH)["items_accounted_for"]
        assert (result.is_failed, float(result.measured_value or 0), float(result.threshold)) == (True, 1, 0)
        assert result.message.startswith("1 of 3 items that the searches of 2026-03-01 received are neither")

    def test_ignores_trimmed_pages(self, facts: Facts, database: Database) -> None:
        facts.land_page(Video())
        facts.connection.execute("delete from comet_videos; update comet_pages set is_trimmed = true")
        assert failing(database, facts.accept(), Step.SEARCH) == set()

    @pytest.mark.parametrize("recorded_date", [DAY, day(-3)])
    def test_fails_when_a_page_is_more_than_a_day_in_the_future(
        self, facts: Facts, database: Database, recorded_date: date
    ) -> None:
        now = datetime.now(UTC)
        facts.land_page(Video())
        facts.land_page(Video(), recorded_date=day(-1), observed_at=now + timedelta(hours=23))
        run_id = facts.accept()
        assert failing(database, run_id, Step.SEARCH) == set()
        facts.land_page(Video(), recorded_date=recorded_date, observed_at=now + timedelta(days=730))
        result = check(database, run_id, Step.SEARCH)["videos_in_future"]
        assert (result.is_failed, float(result.measured_value or 0), float(result.threshold)) == (True, 2, 0)
        assert f"the last on {now.date() + timedelta(days=730)}" in result.message
        assert "include/sql/repair_readings.sql" in result.remedy
        facts.connection.execute((SQL_FOLDER / "repair_readings.sql").read_bytes())
        assert failing(database, run_id, Step.SEARCH) == set()


class TestRollCall:
    def test_empty_roll_call_passes(self, facts: Facts, database: Database) -> None:
        results = check(database, facts.accept(), Step.ROLL_CALL)
        assert set(results) == {"answered", "followers_halved", "profiles_in_future", "profiles_without_followers"}
        assert {result.measured_value for result in results.values()} == {None, 0}
        assert not any(result.is_failed for result in results.values())

    @pytest.mark.parametrize("recorded_date", [DAY, day(-3)])
    def test_fails_when_a_profile_is_more_than_a_day_in_the_future(
        self, facts: Facts, database: Database, recorded_date: date
    ) -> None:
        now = datetime.now(UTC)
        facts.land_profile(Profile("71", 5), observed_at=now + timedelta(hours=23))
        run_id = facts.accept()
        assert failing(database, run_id, Step.ROLL_CALL) == set()
        facts.land_profile(Profile("71", 5), recorded_date, now + timedelta(days=730))
        result = check(database, run_id, Step.ROLL_CALL)["profiles_in_future"]
        assert (result.is_failed, float(result.measured_value or 0)) == (True, 1)
        facts.connection.execute((SQL_FOLDER / "repair_readings.sql").read_bytes())
        assert failing(database, run_id, Step.ROLL_CALL) == set()

    @pytest.mark.parametrize(("answered", "unanswered", "is_failed"), [(3, 3, False), (2, 3, True), (0, 3, False)])
    def test_fails_when_under_half_are_answered(
        self, facts: Facts, database: Database, answered: int, unanswered: int, is_failed: bool
    ) -> None:
        run_id = planned_run(facts, database, answered + unanswered)
        for number in range(answered):
            facts.land_profile(Profile(f"{number}", 5, outcome="found"), run_id=run_id)
        for number, outcome in zip(range(answered, answered + unanswered), ("failed", "refused"), strict=False):
            facts.land_profile(Profile(f"{number}", outcome=outcome), run_id=run_id)
        result = check(database, run_id, Step.ROLL_CALL)["answered"]
        assert result.is_failed is is_failed
        assert result.message.startswith(f"TikHub answered for {answered} of {answered + unanswered} creators (")
        assert "roll call of 2026-03-01 (minimum 50 %, with at least 4 creators)" in result.message

    def test_no_account_is_an_answer(self, facts: Facts, database: Database) -> None:
        run_id = planned_run(facts, database, 4)
        for number in range(4):
            facts.land_profile(Profile(f"{number}", outcome="no_account"), run_id=run_id)
        assert check(database, run_id, Step.ROLL_CALL)["answered"].measured_value == 1

    def test_reused_profile_of_a_past_date_is_an_answer(self, facts: Facts, database: Database) -> None:
        run_id = planned_run(facts, database, 4, is_live=False)
        for number in range(4):
            facts.land_profile(Profile(f"{number}", 5), day(3), run_id="another run")
        assert check(database, run_id, Step.ROLL_CALL)["answered"].measured_value == 1

    @pytest.mark.parametrize("error_type", ["TikHubAuthError", "TikHubBalanceError", None])
    def test_creators_after_a_stop_do_not_count(self, facts: Facts, database: Database, error_type: str | None) -> None:
        run_id = planned_run(facts, database, 20)
        for number in range(5):
            facts.land_profile(Profile(f"{number}", 5), run_id=run_id)
        assert failing(database, run_id, Step.ROLL_CALL) == {"answered"}
        if error_type is None:
            facts.connection.execute("update comet_runs set max_api_calls = 1")
        facts.connection.execute(
            "insert into comet_calls (run_id, run_attempt, route, reserved_at, error_type) "
            "values (%s, 1, '', now(), %s)",
            [run_id, error_type],
        )
        assert check(database, run_id, Step.ROLL_CALL)["answered"].message.startswith(
            "TikHub answered for 5 of 5 creators"
        )

    def test_missing_creators_do_not_count(self, facts: Facts, database: Database) -> None:
        run_id = planned_run(facts, database, 9)
        for number in range(4):
            facts.land_profile(Profile(f"{number}", 5), run_id=run_id)
        assert failing(database, run_id, Step.ROLL_CALL) == {"answered"}
        facts.connection.execute("update creators set status = 'missing' where user_id = '8'")
        assert failing(database, run_id, Step.ROLL_CALL) == set()

    @pytest.mark.parametrize(("unknown", "known", "is_failed"), [(2, 2, False), (3, 2, True), (3, 0, False)])
    def test_fails_when_over_half_of_the_profiles_have_no_followers(
        self, facts: Facts, database: Database, unknown: int, known: int, is_failed: bool
    ) -> None:
        run_id = facts.accept()
        for number in range(unknown + known):
            facts.land_profile(Profile(f"{number}", None if number < unknown else 0, 5), run_id=run_id)
        result = check(database, run_id, Step.ROLL_CALL)["profiles_without_followers"]
        assert result.is_failed is is_failed
        assert result.message.startswith(f"{unknown} of {unknown + known} profiles (")

    def test_half_or_less_counts_as_halved(self, facts: Facts, database: Database) -> None:
        run_id = run_with_readings(facts, [(20_000, 10_000), (20_000, 10_001), (1, 0), (1, 1), (3, 1)])
        result = check(database, run_id, Step.ROLL_CALL)["followers_halved"]
        assert "half or less for 3 of 5 creators" in result.message

    @pytest.mark.parametrize(("halved", "steady", "is_failed"), [(1, 3, False), (2, 4, True), (3, 0, False)])
    def test_fails_when_more_than_the_threshold_are_halved(
        self, facts: Facts, database: Database, halved: int, steady: int, is_failed: bool
    ) -> None:
        run_id = run_with_readings(facts, [(20_000, 10_000)] * halved + [(20_000, 20_000)] * steady)
        result = check(database, run_id, Step.ROLL_CALL)["followers_halved"]
        assert result.is_failed is is_failed
        assert result.message.startswith(f"Followers fell to half or less for {halved} of {halved + steady} creators (")
        assert "roll call of 2026-03-03 (maximum 25 %, with at least 4 creators)" in result.message

    def test_compares_the_newest_count_with_the_nearest_before_the_date(self, facts: Facts, database: Database) -> None:
        facts.land_page(Video("1", "v1", follower_count=90_000))
        facts.observe(20_000, day(1), user_id="1")
        facts.observe(90_000, day(5), user_id="1")
        for on in (DAY, day(1), day(5)):
            facts.run(on)
        run_id = facts.accept(recorded_date=day(3))
        facts.land_profile(Profile("1", 5_000), day(3), run_id=run_id)
        facts.land_profile(Profile("1", 19_000), day(3), noon(day(3)) + timedelta(hours=1), run_id=run_id)
        assert check(database, run_id, Step.ROLL_CALL)["followers_halved"].measured_value == 0

    def test_compares_a_creator_keyed_by_sec_uid(self, facts: Facts, database: Database) -> None:
        facts.connection.execute("insert into creators (user_id) values ('MS4wLjABAAAA-1')")
        facts.observe(20_000, DAY, user_id="MS4wLjABAAAA-1")
        facts.run()
        run_id = facts.accept(recorded_date=day(1))
        facts.land_profile(Profile("1", 5_000), day(1), run_id=run_id, asked_id="MS4wLjABAAAA-1")
        assert check(database, run_id, Step.ROLL_CALL)["followers_halved"].measured_value == 1

    @pytest.mark.parametrize(("is_published", "value"), [(False, 1), (True, None)])
    def test_includes_profiles_of_other_runs_until_the_date_is_published(
        self, facts: Facts, database: Database, is_published: bool, value: int | None
    ) -> None:
        other = run_with_readings(facts, [(20_000, 10_000)] * 4)
        if is_published:
            facts.step("record_growth", other)
        run_id = facts.accept(recorded_date=day(2), is_live=False)
        assert check(database, run_id, Step.ROLL_CALL)["followers_halved"].measured_value == value

    def test_zero_and_unknown_counts_are_not_halved(self, facts: Facts, database: Database) -> None:
        run_id = run_with_readings(facts, [(0, 0), (None, 5)])
        assert check(database, run_id, Step.ROLL_CALL)["followers_halved"].measured_value is None


class TestResults:
    def test_are_replaced_and_follow_the_settings(self, facts: Facts, database: Database) -> None:
        stored: LiteralString = """
            select check_name, is_failed
            from comet_quality_checks
            where check_name = 'roll_call.followers_halved' and measured_value > 0
        """
        run_id = run_with_readings(facts, [(20_000, 10_000)] * 4)
        [message] = [check(database, run_id, Step.ROLL_CALL)["followers_halved"].message]
        assert facts.rows(stored) == [("roll_call.followers_halved", True)]
        assert failed_messages(database, run_id, Step.ROLL_CALL) == [message]
        assert failed_messages(database, run_id, Step.SEARCH) == []
        assert failing(database, run_id, Step.ROLL_CALL, max_halved_share=1.0) == set()
        assert facts.rows(stored) == [("roll_call.followers_halved", False)]

    def test_discarded_search_is_repeated_by_the_next_run(self, facts: Facts, database: Database) -> None:
        facts.land_page()
        run_id = facts.accept(is_live=False)
        restart = {"run_id": run_id, "hashtag": HASHTAG}
        check(database, run_id, Step.SEARCH)
        database.execute("search/restart_search", **restart)
        found: LiteralString = "select attempt_number, stop_reason, is_discarded from comet_searches"
        assert facts.rows(found) == [(2, None, False)]
        database.execute("search/restart_search", **restart)
        assert facts.rows(found) == [(2, None, False)]

    def test_discarded_profiles_are_ignored_and_fetched_again(self, facts: Facts, database: Database) -> None:
        run_id = run_with_readings(facts, [(20_000, 10_000)] * 4, is_live=False)
        assert plan_roll_call(database, run_id, batch_size=9) == {}
        check(database, run_id, Step.ROLL_CALL)
        assert plan_roll_call(database, run_id, batch_size=9) == {1: 4}
        facts.run_again(run_id)
        assert facts.rows("select user_id from creator_stats where recorded_date = %s", day(2)) == []

    def test_profiles_recorded_by_another_run_are_not_discarded(self, facts: Facts, database: Database) -> None:
        run_id = run_with_readings(facts, [(20_000, 10_000)] * 4)
        facts.step("record_growth", facts.accept(recorded_date=day(2)))
        assert check(database, run_id, Step.ROLL_CALL)["followers_halved"].is_failed
        assert facts.rows("select distinct is_discarded from comet_profiles") == [(False,)]

    def test_discarded_profiles_count_when_a_higher_threshold_passes(self, facts: Facts, database: Database) -> None:
        run_id = run_with_readings(facts, [(20_000, 10_000)] * 4)
        check(database, run_id, Step.ROLL_CALL)
        check(database, run_id, Step.ROLL_CALL, max_halved_share=1.0)
        facts.run_again(run_id)
        assert len(facts.rows("select user_id from creator_stats where recorded_date = %s", day(2))) == 4


class TestStoppedDates:
    """Rows landed for a date that failed a check do not reach the tables of other dates."""

    def test_are_not_recorded_by_the_run_of_another_date(self, facts: Facts, database: Database) -> None:
        facts.land_page(Video("1", follower_count=20_000), recorded_date=day(2))
        facts.observe(7_000, day(2), user_id="1")
        stopped = facts.accept(recorded_date=day(2))
        facts.connection.execute(
            "insert into comet_quality_checks values (%s, 'roll_call.answered', 0, 0.5, true, 'stopped')", [stopped]
        )
        facts.land_page(Video("1", follower_count=30_000), recorded_date=day(1))
        facts.run(day(1))
        observed: LiteralString = "select recorded_date, follower_count from creator_stats order by 1"
        assert facts.rows(observed) == [(day(1), 30_000)]
        facts.run_again(stopped)
        assert facts.rows(observed) == [(day(1), 30_000), (day(2), 7_000)]

    def test_are_recorded_once_the_check_passes(self, facts: Facts, database: Database) -> None:
        facts.observe(7_000, day(2), user_id="1", handle="new")
        passing = facts.accept(recorded_date=day(2))
        check(database, passing, Step.ROLL_CALL)
        facts.step("upsert_creators", passing)
        facts.land_page(Video("1", handle="old"), recorded_date=day(1))
        facts.run(day(1))
        facts.step("record_growth", passing)
        assert facts.rows("select handle from creators") == [("new",)]
        assert facts.rows("select recorded_date, follower_count from creator_stats order by 1") == [
            (day(1), 20_000),
            (day(2), 7_000),
        ]


def reject(facts: Facts, count: int) -> None:
    """Land a page of items without an id."""
    facts.land_page()
    facts.connection.execute(
        """
        with page as (
            update comet_pages
            set received_count = %(count)s, rejected_count = %(count)s
            where page_id = (select max(page_id) from comet_pages)
            returning page_id
        )

        insert into comet_rejected_items (page_id, item_position, reason, raw_json)
        select page.page_id, position, 'no_video_id', '{}'
        from page
        cross join generate_series(0, %(count)s - 1) as position
        """,
        {"count": count},
    )


def planned_run(facts: Facts, database: Database, count: int, **request: Any) -> str:
    """Return a run with a roll call of `count` creators, whose ids are 0, 1, and so on."""
    facts.connection.execute("insert into creators (user_id) select generate_series(0, %s - 1)", [count])
    run_id = facts.accept(**request)
    plan_roll_call(database, run_id, batch_size=1000)
    return run_id


def run_with_readings(facts: Facts, counts: Sequence[tuple[int | None, int]], **request: Any) -> str:
    """Return a run of day 2 with profiles of creators that were read on day 1 too.

    :param counts: followers on day 1 and on day 2, per creator
    """
    facts.land_page(*[Video(f"{number}", f"v{number}", follower_count=None) for number in range(len(counts))])
    for number, (then, _) in enumerate(counts):
        facts.observe(then, day(1), user_id=f"{number}")
    facts.connection.execute("insert into creators (user_id) select generate_series(0, %s - 1)", [len(counts)])
    facts.run(day(1))
    run_id = facts.accept(recorded_date=day(2), **request)
    for number, (_, now) in enumerate(counts):
        facts.land_profile(Profile(f"{number}", now), day(2), run_id=run_id)
    return run_id
