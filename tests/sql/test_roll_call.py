"""The SQL of the roll call: whom a run asks for, in which order, and whose answer it has already."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from comets.accounts import Account
from comets.database import Database
from comets.profiles import IN_FLIGHT_SECONDS
from comets.roll_call import plan_roll_call, roll_call_members, unknown_authors
from tests.sql.builders import DAY, HASHTAG, Facts, Profile, Row, Video, day, noon

LEGACY_ID = "MS4wLjABAAAA-71"


@pytest.fixture
def database(creators_url: str, connection: psycopg.Connection[Row]) -> Iterator[Database]:
    """The emptied database as tasks use it."""
    with psycopg.connect(creators_url, autocommit=True, row_factory=dict_row) as own:
        yield Database(own)


def track(facts: Facts, *user_ids: str) -> None:
    """Creators whom the search of DAY found."""
    facts.land_page(*[Video(user_id, f"v{user_id}", handle=f"h{user_id}") for user_id in user_ids])
    facts.run()


def order(database: Database, run_id: str) -> list[str]:
    """Whom a run asks for, in order."""
    batches = plan_roll_call(database, run_id, batch_size=1)
    return [account.user_id for number in batches for account in roll_call_members(database, run_id, number)]


class TestPlan:
    def test_comets_of_the_date_come_first(self, facts: Facts, database: Database) -> None:
        track(facts, "71", "72", "73")
        facts.land_page(Video("73"), recorded_date=day(1))
        assert order(database, facts.run(day(1))) == ["73", "71", "72"]

    @pytest.mark.parametrize("key", ["", "ada", "0x71", "MS4wLjAB", "71 "])
    def test_a_row_without_a_tiktok_id_is_left_in_peace_and_reported(
        self, facts: Facts, database: Database, key: str
    ) -> None:
        track(facts, "71")
        facts.connection.execute(
            "insert into creators (user_id, handle) values (%s, 'ada'), (%s, null)", [key, LEGACY_ID]
        )
        run_id = facts.accept(recorded_date=day(1))
        assert set(order(database, run_id)) == {"71", LEGACY_ID}
        assert database.fetch_one("report/asking", run_id=run_id)["unidentified_count"] == 1

    def test_who_was_asked_longest_ago_comes_before_others(self, facts: Facts, database: Database) -> None:
        track(facts, "71", "72", "73", "74")
        facts.observe(1, day(3), user_id="71")
        facts.observe(1, day(1), user_id="72")
        facts.land_profile(Profile("74", outcome="failed"), day(2))
        assert order(database, facts.accept(recorded_date=day(4))) == ["73", "72", "74", "71"]

    def test_batches_hold_as_many_as_they_are_told(self, facts: Facts, database: Database) -> None:
        track(facts, *(str(number) for number in range(5)))
        run_id = facts.accept(recorded_date=day(1))
        assert plan_roll_call(database, run_id, batch_size=2) == {1: 2, 2: 2, 3: 1}
        assert [len(roll_call_members(database, run_id, number)) for number in (1, 2, 3)] == [2, 2, 1]

    @pytest.mark.parametrize(("creator_count", "batch_count"), [(1000, 1000), (1001, 501), (2001, 667)])
    def test_batches_grow_rather_than_become_more_than_1000(
        self, facts: Facts, database: Database, creator_count: int, batch_count: int
    ) -> None:
        facts.connection.execute("insert into creators (user_id) select generate_series(1, %s)", [creator_count])
        batches = plan_roll_call(database, facts.accept(), batch_size=1)
        assert list(batches) == list(range(1, batch_count + 1))
        assert sum(batches.values()) == creator_count

    def test_a_plan_made_again_keeps_its_batches_and_adds_who_has_come_since(
        self, facts: Facts, database: Database
    ) -> None:
        track(facts, "71", "72")
        run_id = facts.accept(recorded_date=day(1))
        assert plan_roll_call(database, run_id, batch_size=1) == {1: 1, 2: 1}
        planned = facts.rows("select * from comet_roll_call order by user_id")
        facts.land_profile(Profile("71", 5), day(1), run_id=run_id)
        assert plan_roll_call(database, run_id, batch_size=1) == {2: 1}
        assert facts.rows("select * from comet_roll_call order by user_id") == planned
        facts.connection.execute("insert into creators (user_id) values ('70')")
        assert plan_roll_call(database, run_id, batch_size=1) == {2: 1, 3: 1}
        assert facts.rows("select * from comet_roll_call order by batch_number") == [*planned, (run_id, "70", 3)]

    def test_who_comes_when_all_1000_batches_are_planned_joins_the_last_one(
        self, facts: Facts, database: Database
    ) -> None:
        facts.connection.execute("insert into creators (user_id) select generate_series(1, 1000)")
        run_id = facts.accept()
        plan_roll_call(database, run_id, batch_size=1)
        facts.connection.execute("insert into creators (user_id) select generate_series(1001, 1003)")
        assert plan_roll_call(database, run_id, batch_size=1) == {**dict.fromkeys(range(1, 1000), 1), 1000: 4}

    def test_runs_do_not_touch_the_plan_of_another(self, facts: Facts, database: Database) -> None:
        track(facts, "71")
        first, second = facts.accept(recorded_date=day(1)), facts.accept(recorded_date=day(1))
        assert order(database, first) == order(database, second) == ["71"]
        assert facts.rows("select run_id from comet_roll_call order by 1") == [(first,), (second,)]


class TestMissing:
    @pytest.fixture
    def missing(self, facts: Facts) -> None:
        """The creator 71 is missing, last asked for on day 3; 72 is not."""
        track(facts, "71", "72")
        for number in (1, 2, 3):
            facts.land_profile(Profile("71", outcome="refused"), day(number))
            facts.observe(20_000, day(number), user_id="72")
            facts.run(day(number))
        assert facts.rows("select status from creators where user_id = '71'") == [("missing",)]

    @pytest.mark.parametrize(("days_since", "is_asked"), [(6, False), (7, True), (8, True)])
    @pytest.mark.usefixtures("missing")
    def test_is_asked_seven_days_after_the_last_question(
        self, facts: Facts, database: Database, days_since: int, is_asked: bool
    ) -> None:
        asked = order(database, facts.accept(recorded_date=day(3 + days_since)))
        assert set(asked) == ({"71", "72"} if is_asked else {"72"})

    @pytest.mark.usefixtures("missing")
    def test_is_asked_when_found_by_the_search_of_the_date(self, facts: Facts, database: Database) -> None:
        facts.land_page(Video("71", follower_count=30_000), recorded_date=day(4))
        run_id = facts.accept(recorded_date=day(4))
        facts.step("filter_comets", run_id)
        assert order(database, run_id) == ["71", "72"]

    @pytest.mark.usefixtures("missing")
    def test_is_asked_by_a_refresh(self, facts: Facts, database: Database) -> None:
        assert set(order(database, facts.accept(recorded_date=day(4), is_refresh=True))) == {"71", "72"}


class TestAnswers:
    """Whom a run need not ask for."""

    def test_a_live_run_takes_its_own_answers_only(self, facts: Facts, database: Database) -> None:
        track(facts, "71", "72")
        first, second = facts.accept(recorded_date=day(1)), facts.accept(recorded_date=day(1))
        facts.land_profile(Profile("71", 5), day(1), run_id=first)
        assert order(database, first) == ["72"]
        assert order(database, second) == ["72", "71"]

    @pytest.mark.parametrize("is_live", [True, False])
    def test_a_refresh_takes_its_own_answers_only(self, facts: Facts, database: Database, is_live: bool) -> None:
        track(facts, "71", "72")
        facts.observe(5, day(1), user_id="71")
        run_id = facts.accept(recorded_date=day(1), is_live=is_live, is_refresh=True)
        facts.land_profile(Profile("72", 5), day(1), run_id=run_id)
        assert order(database, run_id) == ["71"]

    @pytest.mark.parametrize(
        ("recorded", "observed_at", "is_asked"),
        [
            (1, noon(day(1)), True),
            (1, datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC), True),
            (1, datetime(2026, 3, 3, tzinfo=UTC), False),
            (2, noon(day(2)), False),
            (2, noon(day(1)), False),
            (5, noon(day(5)), False),
        ],
    )
    def test_a_replay_does_not_ask_whom_anybody_read_on_its_date_or_later(
        self, facts: Facts, database: Database, recorded: int, observed_at: datetime, is_asked: bool
    ) -> None:
        track(facts, "71")
        facts.land_profile(Profile("71", 5), day(recorded), observed_at)
        asked = order(database, facts.accept(recorded_date=day(2), is_live=False))
        assert asked == (["71"] if is_asked else [])

    @pytest.mark.parametrize(
        ("outcome", "is_asked"), [("found", False), ("no_account", False), ("refused", True), ("failed", True)]
    )
    def test_a_replay_asks_whom_another_date_has_given_up(
        self, facts: Facts, database: Database, outcome: str, is_asked: bool
    ) -> None:
        track(facts, "71")
        facts.land_profile(Profile("71", outcome=outcome), day(3))
        assert bool(order(database, facts.accept(recorded_date=day(2), is_live=False))) is is_asked

    @pytest.mark.parametrize(("hour", "is_asked"), [(4, True), (5, False)])
    def test_a_date_begins_in_the_timezone_of_the_run(
        self, facts: Facts, database: Database, hour: int, is_asked: bool
    ) -> None:
        track(facts, "71")
        facts.land_profile(Profile("71", 5), day(0), datetime(2026, 3, 3, hour, tzinfo=UTC))
        run_id = facts.accept(recorded_date=day(2), is_live=False, timezone="America/New_York")
        assert order(database, run_id) == (["71"] if is_asked else [])

    @pytest.mark.parametrize(
        ("outcome", "is_live", "is_published", "is_asked"),
        [
            ("refused", True, True, True),
            ("failed", True, True, True),
            ("no_account", True, True, False),
            ("refused", False, True, False),
            ("failed", False, True, False),
            ("no_account", False, True, False),
            # A gate has stopped the date: it can still be healed.
            ("refused", False, False, True),
            ("failed", False, False, True),
            ("no_account", False, False, False),
        ],
    )
    def test_whom_a_run_gave_up_it_asks_again_on_its_day_and_until_the_date_is_published(
        self, facts: Facts, database: Database, outcome: str, is_live: bool, is_published: bool, is_asked: bool
    ) -> None:
        track(facts, "71")
        run_id = facts.accept(recorded_date=day(1), is_live=is_live)
        facts.land_profile(Profile("71", outcome=outcome), day(1), run_id=run_id)
        if is_published:
            facts.step("record_growth", run_id)
        assert order(database, run_id) == (["71"] if is_asked else [])

    @pytest.mark.parametrize("is_live", [True, False])
    def test_a_legacy_key_is_answered_by_the_profile_that_was_asked_for_by_it(
        self, facts: Facts, database: Database, is_live: bool
    ) -> None:
        facts.connection.execute("insert into creators (user_id) values (%s)", [LEGACY_ID])
        run_id = facts.accept(is_live=is_live)
        assert order(database, run_id) == [LEGACY_ID]
        facts.land_profile(Profile("71", 5), run_id=run_id, asked_id=LEGACY_ID)
        assert order(database, run_id) == []
        facts.connection.execute("insert into creators (user_id) values ('71')")
        assert order(database, run_id) == []


class TestMembers:
    def test_carry_all_that_identifies_them(self, facts: Facts, database: Database) -> None:
        facts.land_page(Video("71", handle="ada", sec_uid="s71"))
        run_id = facts.run()
        plan_roll_call(database, run_id, batch_size=5)
        assert roll_call_members(database, run_id, 1) == [Account("71", "s71", "ada")]

    def test_drop_out_once_they_are_answered(self, facts: Facts, database: Database) -> None:
        track(facts, "71", "72")
        run_id = facts.accept(recorded_date=day(1))
        plan_roll_call(database, run_id, batch_size=5)
        facts.land_profile(Profile("71", 5), day(1), run_id=run_id)
        assert [account.user_id for account in roll_call_members(database, run_id, 1)] == ["72"]


class TestState:
    """What a task learns just before it asks."""

    def reserve(
        self,
        facts: Facts,
        run_id: str,
        hashtag: str | None = None,
        *,
        reserved: timedelta = timedelta(),
        started: timedelta | None = timedelta(),
        finished: bool = False,
    ) -> None:
        """A call for the profile of 71, reserved and started so long ago; None is a row that does not tell."""
        facts.connection.execute(
            """
            insert into comet_calls (
                run_id, clear_number, route, hashtag, user_id, reserved_at, started_at, finished_at
            )
            values (%s, 0, 'profile', %s, '71', now() - %s, now() - %s::interval, case when %s then now() end)
            """,
            [run_id, hashtag, reserved, started, finished],
        )

    def state(
        self,
        database: Database,
        run_id: str,
        *,
        hashtag: str | None = None,
    ) -> dict[str, Any]:
        return database.fetch_one(
            "landing/profile_state",
            run_id=run_id,
            asked_id="71",
            hashtag=hashtag,
            call_timeout=timedelta(seconds=IN_FLIGHT_SECONDS),
        )

    def test_an_answer_counts_as_it_does_for_the_plan(self, facts: Facts, database: Database) -> None:
        live, replay = facts.accept(), facts.accept(is_live=False)
        facts.observe(5, day(1))
        assert self.state(database, live) == {"is_answered": False, "is_in_flight": False}
        assert self.state(database, replay) == {"is_answered": True, "is_in_flight": False}

    @pytest.mark.parametrize(
        ("request_", "is_waiting"),
        [({"is_live": True}, False), ({"is_live": False}, True), ({"is_live": False, "is_refresh": True}, False)],
    )
    def test_only_a_replay_waits_for_another_run(
        self, facts: Facts, database: Database, request_: dict[str, bool], is_waiting: bool
    ) -> None:
        run_id = facts.accept(**request_)
        self.reserve(facts, "another run")
        assert self.state(database, run_id)["is_in_flight"] is is_waiting

    @pytest.mark.parametrize("is_live", [True, False])
    def test_every_run_waits_for_its_own_other_tasks(self, facts: Facts, database: Database, is_live: bool) -> None:
        run_id = facts.accept(is_live=is_live)
        self.reserve(facts, run_id, "gymtok")
        assert self.state(database, run_id, hashtag=HASHTAG)["is_in_flight"]
        assert self.state(database, run_id)["is_in_flight"]

    @pytest.mark.parametrize("hashtag", [HASHTAG, None])
    def test_a_task_does_not_wait_for_what_it_left_itself(
        self, facts: Facts, database: Database, hashtag: str | None
    ) -> None:
        run_id = facts.accept()
        self.reserve(facts, run_id, hashtag)
        assert not self.state(database, run_id, hashtag=hashtag)["is_in_flight"]

    def test_neither_finished_calls_nor_those_of_the_dead_are_waited_for(
        self, facts: Facts, database: Database
    ) -> None:
        run_id = facts.accept()
        self.reserve(facts, run_id, "gymtok", finished=True)
        assert not self.state(database, run_id)["is_in_flight"]
        long_ago = timedelta(seconds=IN_FLIGHT_SECONDS + 1)
        self.reserve(facts, run_id, "gymtok", reserved=long_ago, started=long_ago)
        self.reserve(facts, run_id, "gymtok", reserved=long_ago, started=None)
        assert not self.state(database, run_id)["is_in_flight"]

    @pytest.mark.parametrize("started", [timedelta(), timedelta(minutes=-5)])
    def test_a_call_that_waited_long_for_its_moment_or_still_does_is_alive(
        self, facts: Facts, database: Database, started: timedelta
    ) -> None:
        run_id = facts.accept()
        self.reserve(facts, run_id, "gymtok", reserved=timedelta(minutes=10), started=started)
        assert self.state(database, run_id)["is_in_flight"]


class TestUnknownAuthors:
    def asked(self, database: Database, run_id: str) -> list[str]:
        return [account.user_id for account in unknown_authors(database, run_id, HASHTAG)]

    def test_are_asked_for_by_all_that_is_known_of_them(self, facts: Facts, database: Database) -> None:
        facts.land_page(Video("71", "v1", follower_count=None, handle="old", sec_uid="s71"))
        facts.land_page(
            Video("71", "v2", follower_count=None, handle="new"), observed_at=noon(DAY) + timedelta(hours=1)
        )
        assert unknown_authors(database, facts.accept(), HASHTAG) == [Account("71", "s71", "new")]

    def test_need_a_video_that_qualifies(self, facts: Facts, database: Database) -> None:
        facts.land_page(
            Video("71", "v1", follower_count=None, play_count=49_999), Video("72", "v2", follower_count=None)
        )
        assert self.asked(database, facts.accept()) == ["72"]

    def test_are_known_by_any_count_of_the_same_search(self, facts: Facts, database: Database) -> None:
        facts.land_page(Video("71", "v1", follower_count=None), Video("71", "v2", play_count=1, follower_count=5))
        facts.land_page(Video("71", "v3", follower_count=None), hashtag="gymtok")
        run_id = facts.accept(hashtags=[HASHTAG, "gymtok"])
        assert self.asked(database, run_id) == []
        assert [account.user_id for account in unknown_authors(database, run_id, "gymtok")] == ["71"]

    @pytest.mark.parametrize(("is_live", "asked"), [(True, ["71"]), (False, [])])
    def test_are_answered_for_a_replay_by_whoever_read_them_since(
        self, facts: Facts, database: Database, is_live: bool, asked: list[str]
    ) -> None:
        facts.land_page(Video("71", follower_count=None))
        facts.observe(5, day(3))
        assert self.asked(database, facts.accept(is_live=is_live)) == asked

    def test_drop_out_once_they_are_answered(self, facts: Facts, database: Database) -> None:
        facts.land_page(Video("71", follower_count=None))
        run_id = facts.accept()
        facts.land_profile(Profile("71", 5), run_id=run_id)
        assert self.asked(database, run_id) == []


class TestReport:
    def test_says_how_the_roll_call_ended(self, facts: Facts, database: Database) -> None:
        track(facts, "71", "72", "73", "74", "75")
        facts.observe(200_000, day(1), user_id="75")
        facts.run(day(1))
        facts.land_page(recorded_date=day(2))
        facts.land_page(recorded_date=day(2), hashtag="dogs", stop_reason=None)
        run_id = facts.accept(recorded_date=day(2), hashtags=[HASHTAG, "gymtok", "cats", "dogs"])
        plan_roll_call(database, run_id, batch_size=5)
        for profile in (Profile("71", 5), Profile("72", outcome="refused"), Profile("73", outcome="no_account")):
            facts.land_profile(profile, day(2), run_id=run_id)
        for hashtag in ("gymtok", "gymtok", "cats"):
            facts.connection.execute(
                "insert into comet_calls (run_id, clear_number, route, hashtag, reserved_at) "
                "values (%s, 0, 'search', %s, %s)",
                [run_id, hashtag, noon(day(2))],
            )
        row = database.fetch_one("report/asking", run_id=run_id)
        assert row == {
            "recorded_date": day(2),
            "is_live": True,
            "is_refresh": False,
            "max_api_calls": 500,
            "made_search_count": 2,
            "reused_search_count": 1,
            "member_count": 5,
            "read_count": 1,
            "reused_count": 0,
            "unreachable_count": 1,
            "no_account_count": 1,
            "not_asked_count": 2,
            "creator_count": 5,
            "graduated_count": 1,
            "missing_count": 0,
            "unidentified_count": 0,
        }

    def test_says_what_a_replay_re_used(self, facts: Facts, database: Database) -> None:
        track(facts, "71", "72")
        facts.observe(5, day(3), user_id="71")
        facts.land_page(recorded_date=day(2))
        run_id = facts.accept(recorded_date=day(2), is_live=False)
        plan_roll_call(database, run_id, batch_size=5)
        facts.land_profile(Profile("72", 5), day(2), noon(day(4)), run_id=run_id)
        row = database.fetch_one("report/asking", run_id=run_id)
        assert (row["is_live"], row["reused_search_count"], row["read_count"], row["reused_count"]) == (False, 1, 1, 1)

    def test_a_profile_read_after_a_failure_is_read(self, facts: Facts, database: Database) -> None:
        track(facts, "71")
        run_id = facts.accept(recorded_date=day(1))
        plan_roll_call(database, run_id, batch_size=5)
        for profile in (Profile("71", outcome="failed"), Profile("71", 5)):
            facts.land_profile(profile, day(1), run_id=run_id)
        row = database.fetch_one("report/asking", run_id=run_id)
        assert (row["read_count"], row["unreachable_count"]) == (1, 0)
        assert database.fetch_all("report/unread", run_id=run_id, row_limit=5) == []

    def test_names_whom_it_could_not_read(self, facts: Facts, database: Database) -> None:
        track(facts, "71", "72", "73", "74")
        run_id = facts.accept(recorded_date=day(1))
        plan_roll_call(database, run_id, batch_size=5)
        for profile in (Profile("73", outcome="no_account"), Profile("72", outcome="failed"), Profile("71", 5)):
            facts.land_profile(profile, day(1), run_id=run_id)
        facts.land_profile(Profile("74", outcome="refused"), day(1), run_id="another run")
        facts.step("record_growth", run_id)
        unread = [
            {"handle": "h72", "outcome": "failed", "status": "tracked"},
            {"handle": "h73", "outcome": "no_account", "status": "tracked"},
        ]
        assert database.fetch_all("report/unread", run_id=run_id, row_limit=5) == unread
        assert database.fetch_all("report/unread", run_id=run_id, row_limit=1) == unread[:1]
