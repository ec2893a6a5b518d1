"""The SQL of the roll call: which profiles a run fetches, in which order, and which it has already."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from comets.database.client import Database
from comets.deadline import TASK_TIMEOUT
from comets.profiles.accounts import Account
from comets.profiles.reader import IN_FLIGHT_SECONDS
from comets.profiles.roll_call import plan_roll_call, roll_call_members, unknown_authors
from tests.steps.builders import DAY, HASHTAG, Facts, Profile, Row, Video, day, noon

LEGACY_ID = "MS4wLjABAAAA-71"


@pytest.fixture
def database(creators_url: str, connection: psycopg.Connection[Row]) -> Iterator[Database]:
    """The emptied database, as tasks use it."""
    with psycopg.connect(creators_url, autocommit=True, row_factory=dict_row) as own:
        yield Database(own)


def track(facts: Facts, *user_ids: str) -> None:
    """Track creators found by the search of DAY."""
    facts.land_page(*[Video(user_id, f"v{user_id}", handle=f"h{user_id}") for user_id in user_ids])
    facts.run()


def order(database: Database, run_id: str) -> list[str]:
    """Return the creators that a run fetches, in order."""
    batches = plan_roll_call(database, run_id, batch_size=1)
    return [account.user_id for number in batches for account in roll_call_members(database, run_id, number)]


class TestPlan:
    def test_comets_of_the_date_come_first(self, facts: Facts, database: Database) -> None:
        track(facts, "71", "72", "73")
        facts.land_page(Video("73"), recorded_date=day(1))
        assert order(database, facts.run(day(1))) == ["73", "71", "72"]

    def test_rows_without_a_tiktok_id_are_reported_and_not_fetched(self, facts: Facts, database: Database) -> None:
        track(facts, "71")
        facts.connection.execute(
            "insert into creators (user_id) select unnest(%s::text[])",
            [["", "ada", "0x71", "MS4wLjAB", "71 ", LEGACY_ID]],
        )
        run_id = facts.accept(recorded_date=day(1))
        assert set(order(database, run_id)) == {"71", LEGACY_ID}
        assert database.fetch_one("reporting/run_summary", run_id=run_id)["unidentified_count"] == 5

    def test_creators_fetched_longest_ago_come_first(self, facts: Facts, database: Database) -> None:
        track(facts, "71", "72", "73", "74")
        facts.observe(1, day(3), user_id="71")
        facts.observe(1, day(1), user_id="72")
        facts.land_profile(Profile("74", outcome="failed"), day(2))
        assert order(database, facts.accept(recorded_date=day(4))) == ["73", "72", "74", "71"]

    def test_batches_have_the_given_size(self, facts: Facts, database: Database) -> None:
        track(facts, *(str(number) for number in range(5)))
        run_id = facts.accept(recorded_date=day(1))
        assert plan_roll_call(database, run_id, batch_size=2) == {1: 2, 2: 2, 3: 1}
        assert [len(roll_call_members(database, run_id, number)) for number in (1, 2, 3)] == [2, 2, 1]

    @pytest.mark.parametrize(("creator_count", "batch_count"), [(1001, 501), (2001, 667)])
    def test_more_than_1000_batches_are_never_planned(
        self, facts: Facts, database: Database, creator_count: int, batch_count: int
    ) -> None:
        facts.connection.execute("insert into creators (user_id) select generate_series(1, %s)", [creator_count])
        batches = plan_roll_call(database, facts.accept(), batch_size=1)
        assert list(batches) == list(range(1, batch_count + 1))
        assert sum(batches.values()) == creator_count

    def test_repeated_plan_keeps_its_batches_and_adds_new_creators(self, facts: Facts, database: Database) -> None:
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

    def test_new_creators_join_the_last_of_1000_planned_batches(self, facts: Facts, database: Database) -> None:
        facts.connection.execute("insert into creators (user_id) select generate_series(1, 1000)")
        run_id = facts.accept()
        plan_roll_call(database, run_id, batch_size=1)
        facts.connection.execute("insert into creators (user_id) select generate_series(1001, 1003)")
        assert plan_roll_call(database, run_id, batch_size=1) == {**dict.fromkeys(range(1, 1000), 1), 1000: 4}

    def test_runs_do_not_change_each_others_plan(self, facts: Facts, database: Database) -> None:
        track(facts, "71")
        first, second = facts.accept(recorded_date=day(1)), facts.accept(recorded_date=day(1))
        assert order(database, first) == order(database, second) == ["71"]
        assert facts.rows("select run_id from comet_roll_call order by 1") == [(first,), (second,)]


def test_missing_creators_are_fetched_weekly_when_found_and_on_refresh(facts: Facts, database: Database) -> None:
    track(facts, "71", "72")
    for number in (1, 2, 3):
        facts.land_profile(Profile("71", outcome="refused"), day(number))
        facts.observe(20_000, day(number), user_id="72")
        facts.run(day(number))
    assert facts.rows("select status from creators where user_id = '71'") == [("missing",)]
    assert order(database, facts.accept(recorded_date=day(9))) == ["72"]
    assert set(order(database, facts.accept(recorded_date=day(10)))) == {"71", "72"}
    assert set(order(database, facts.accept(recorded_date=day(4), is_refresh=True))) == {"71", "72"}
    facts.land_page(Video("71", follower_count=30_000), recorded_date=day(4))
    run_id = facts.accept(recorded_date=day(4))
    facts.step("filter_comets", run_id)
    assert order(database, run_id) == ["71", "72"]


class TestReuse:
    """Creators that a run does not fetch again."""

    @pytest.mark.parametrize(
        "request_", [{"is_live": True}, {"is_live": True, "is_refresh": True}, {"is_live": False, "is_refresh": True}]
    )
    def test_live_or_refresh_run_reuses_its_own_profiles_only(
        self, facts: Facts, database: Database, request_: dict[str, bool]
    ) -> None:
        track(facts, "71", "72")
        facts.observe(5, day(1), user_id="71")
        run_id = facts.accept(recorded_date=day(1), **request_)
        facts.land_profile(Profile("72", 5), day(1), run_id=run_id)
        assert order(database, run_id) == ["71"]

    def test_replay_reuses_profiles_of_its_date_and_later(self, facts: Facts, database: Database) -> None:
        track(facts, "71", "72", "73", "74")
        # The date starts at 05:00 UTC in New York.
        facts.land_profile(Profile("71", 5), day(1), datetime(2026, 3, 3, 4, 59, 59, tzinfo=UTC))
        facts.land_profile(Profile("72", 5), day(1), datetime(2026, 3, 3, 5, tzinfo=UTC))
        facts.land_profile(Profile("73", 5), day(2), noon(day(1)))
        facts.observe(5, day(5), user_id="74")
        run_id = facts.accept(recorded_date=day(2), is_live=False, timezone="America/New_York")
        assert order(database, run_id) == ["71"]

    def test_replay_fetches_what_another_date_gave_up(self, facts: Facts, database: Database) -> None:
        outcomes = {"71": "found", "72": "no_account", "73": "refused", "74": "failed"}
        track(facts, *outcomes)
        for user_id, outcome in outcomes.items():
            facts.land_profile(Profile(user_id, outcome=outcome), day(3))
        assert set(order(database, facts.accept(recorded_date=day(2), is_live=False))) == {"73", "74"}

    @pytest.mark.parametrize(
        ("is_live", "is_published", "fetched"),
        [(True, True, {"72", "73"}), (False, True, set()), (False, False, {"72", "73"})],
    )
    def test_given_up_profiles_are_final_for_a_published_past_date(
        self, facts: Facts, database: Database, is_live: bool, is_published: bool, fetched: set[str]
    ) -> None:
        outcomes = {"71": "no_account", "72": "refused", "73": "failed"}
        track(facts, *outcomes)
        run_id = facts.accept(recorded_date=day(1), is_live=is_live)
        facts.connection.execute("insert into comet_dates values (%s, false)", [day(1)])
        for user_id, outcome in outcomes.items():
            facts.land_profile(Profile(user_id, outcome=outcome), day(1), run_id=run_id)
        if is_published:
            facts.step("record_growth", run_id)
        assert set(order(database, run_id)) == fetched

    def test_profile_fetched_by_a_legacy_key_covers_it(self, facts: Facts, database: Database) -> None:
        facts.connection.execute("insert into creators (user_id) values (%s)", [LEGACY_ID])
        run_id = facts.accept()
        assert order(database, run_id) == [LEGACY_ID]
        facts.land_profile(Profile("71", 5), run_id=run_id, asked_id=LEGACY_ID)
        assert order(database, run_id) == []
        facts.connection.execute("insert into creators (user_id) values ('71')")
        assert order(database, run_id) == []


def test_members_have_all_ids_and_drop_out_once_fetched(facts: Facts, database: Database) -> None:
    facts.land_page(Video("71", handle="ada", sec_uid="s71"), Video("72", "v2"))
    run_id = facts.run()
    plan_roll_call(database, run_id, batch_size=5)
    facts.land_profile(Profile("72", 5), run_id=run_id)
    assert roll_call_members(database, run_id, 1) == [Account("71", "s71", "ada")]


class TestState:
    """The state that a task reads just before a call."""

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
        """Insert a call for the profile of 71, reserved and started so long ago."""
        facts.connection.execute(
            """
            insert into comet_calls (
                run_id, run_attempt, route, hashtag, user_id, reserved_at, started_at, finished_at
            )
            values (%s, 0, 'profile', %s, '71', now() - %s, now() - %s::interval, case when %s then now() end)
            """,
            [run_id, hashtag, reserved, started, finished],
        )

    def state(self, database: Database, run_id: str, *, hashtag: str | None = None) -> dict[str, Any]:
        return database.fetch_one(
            "profiles/profile_state",
            run_id=run_id,
            asked_id="71",
            hashtag=hashtag,
            call_timeout=timedelta(seconds=IN_FLIGHT_SECONDS),
            task_timeout=TASK_TIMEOUT,
        )

    def test_state_agrees_with_the_plan(self, facts: Facts, database: Database) -> None:
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

    def test_run_waits_for_its_other_tasks_and_not_for_the_same_one(self, facts: Facts, database: Database) -> None:
        run_id = facts.accept()
        self.reserve(facts, run_id, "gymtok")
        assert self.state(database, run_id, hashtag=HASHTAG)["is_in_flight"]
        assert self.state(database, run_id)["is_in_flight"]
        assert not self.state(database, run_id, hashtag="gymtok")["is_in_flight"]

    def test_roll_call_does_not_wait_for_itself(self, facts: Facts, database: Database) -> None:
        run_id = facts.accept()
        self.reserve(facts, run_id)
        assert not self.state(database, run_id)["is_in_flight"]

    def test_finished_and_dead_calls_are_ignored(self, facts: Facts, database: Database) -> None:
        run_id = facts.accept()
        self.reserve(facts, run_id, "gymtok", finished=True)
        long_ago = timedelta(seconds=IN_FLIGHT_SECONDS + 1)
        self.reserve(facts, run_id, "gymtok", reserved=long_ago, started=long_ago)
        self.reserve(facts, run_id, "gymtok", reserved=long_ago, started=None)
        self.reserve(facts, run_id, "gymtok", reserved=long_ago, started=timedelta(days=-1))
        assert not self.state(database, run_id)["is_in_flight"]

    @pytest.mark.parametrize("started", [timedelta(), timedelta(minutes=-5)])
    def test_call_with_a_late_slot_is_in_flight(self, facts: Facts, database: Database, started: timedelta) -> None:
        run_id = facts.accept()
        self.reserve(facts, run_id, "gymtok", reserved=timedelta(minutes=10), started=started)
        assert self.state(database, run_id)["is_in_flight"]


class TestUnknownAuthors:
    def still_to_fetch(self, database: Database, run_id: str) -> list[str]:
        return [account.user_id for account in unknown_authors(database, run_id, HASHTAG)]

    def test_have_all_known_ids(self, facts: Facts, database: Database) -> None:
        facts.land_page(Video("71", "v1", follower_count=None, handle="old", sec_uid="s71"))
        facts.land_page(
            Video("71", "v2", follower_count=None, handle="new"), observed_at=noon(DAY) + timedelta(hours=1)
        )
        assert unknown_authors(database, facts.accept(), HASHTAG) == [Account("71", "s71", "new")]

    def test_need_a_qualifying_video(self, facts: Facts, database: Database) -> None:
        facts.land_page(
            Video("71", "v1", follower_count=None, play_count=49_999), Video("72", "v2", follower_count=None)
        )
        assert self.still_to_fetch(database, facts.accept()) == ["72"]

    def test_are_known_by_any_count_of_the_same_search(self, facts: Facts, database: Database) -> None:
        facts.land_page(Video("71", "v1", follower_count=None), Video("71", "v2", play_count=1, follower_count=5))
        facts.land_page(Video("71", "v3", follower_count=None), hashtag="gymtok")
        run_id = facts.accept(hashtags=[HASHTAG, "gymtok"])
        assert self.still_to_fetch(database, run_id) == []
        assert [account.user_id for account in unknown_authors(database, run_id, "gymtok")] == ["71"]

    def test_are_covered_by_profiles_as_in_the_roll_call(self, facts: Facts, database: Database) -> None:
        facts.land_page(Video("71", follower_count=None))
        facts.observe(5, day(3))
        live = facts.accept()
        assert self.still_to_fetch(database, live) == ["71"]
        assert self.still_to_fetch(database, facts.accept(is_live=False)) == []
        facts.land_profile(Profile("71", 5), run_id=live)
        assert self.still_to_fetch(database, live) == []


class TestReport:
    def test_counts_the_outcomes_of_the_roll_call(self, facts: Facts, database: Database) -> None:
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
                "insert into comet_calls (run_id, run_attempt, route, hashtag, reserved_at) "
                "values (%s, 0, 'search', %s, %s)",
                [run_id, hashtag, noon(day(2))],
            )
        row = database.fetch_one("reporting/run_summary", run_id=run_id)
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

    def test_counts_what_a_replay_reused(self, facts: Facts, database: Database) -> None:
        track(facts, "71", "72")
        facts.observe(5, day(3), user_id="71")
        facts.land_page(recorded_date=day(2))
        run_id = facts.accept(recorded_date=day(2), is_live=False)
        plan_roll_call(database, run_id, batch_size=5)
        facts.land_profile(Profile("72", 5), day(2), noon(day(4)), run_id=run_id)
        row = database.fetch_one("reporting/run_summary", run_id=run_id)
        assert (row["is_live"], row["reused_search_count"], row["read_count"], row["reused_count"]) == (False, 1, 1, 1)

    def test_profile_read_after_a_failure_counts_as_read(self, facts: Facts, database: Database) -> None:
        track(facts, "71")
        run_id = facts.accept(recorded_date=day(1))
        plan_roll_call(database, run_id, batch_size=5)
        for profile in (Profile("71", outcome="failed"), Profile("71", 5)):
            facts.land_profile(profile, day(1), run_id=run_id)
        row = database.fetch_one("reporting/run_summary", run_id=run_id)
        assert (row["read_count"], row["unreachable_count"]) == (1, 0)
        assert database.fetch_all("reporting/unreachable", run_id=run_id, row_limit=5) == []

    def test_lists_unread_profiles(self, facts: Facts, database: Database) -> None:
        track(facts, "71", "72", "73", "74")
        run_id = facts.accept(recorded_date=day(1))
        plan_roll_call(database, run_id, batch_size=5)
        for profile in (Profile("73", outcome="no_account"), Profile("72", outcome="failed"), Profile("71", 5)):
            facts.land_profile(profile, day(1), run_id=run_id)
        facts.land_profile(Profile("74", outcome="refused"), day(1), run_id="another run")
        facts.step("record_growth", run_id)
        unread = [
            {"user_id": "72", "outcome": "failed", "status": "tracked"},
            {"user_id": "73", "outcome": "no_account", "status": "tracked"},
        ]
        assert database.fetch_all("reporting/unreachable", run_id=run_id, row_limit=5) == unread
        assert database.fetch_all("reporting/unreachable", run_id=run_id, row_limit=1) == unread[:1]
