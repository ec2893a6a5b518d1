"""trim_landing deletes landed rows by age; nothing derived from them changes, also when runs are repeated."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from comets.privacy.retention import clear_missing_profiles, trim_handles, trim_landing
from tests.privacy.erasing import Item, miscounted_pages, opened, reject
from tests.steps.builders import DAY, Facts, Profile, Row, Video, day, everything

PERMANENT_TABLES = {
    "comet_calls",
    "comet_discoveries",
    "comet_handles",
    "comet_runs",
    "comet_scores",
    "comet_searches",
    "creator_stats",
    "creators",
}


@pytest.fixture
def url(creators_url: str) -> str:
    return creators_url


def trim(url: str, kept_date: date, timezone: str = "UTC") -> Counter[str]:
    """Trim as the Dag does."""
    with opened(url) as database:
        return trim_landing(database, kept_date, timezone)


def contents(connection: psycopg.Connection[Row]) -> set[Row]:
    """Return every row that retention must not change, with its transaction id; of dates only the weights."""
    dates = connection.execute("select 'comet_dates', score_weights::text, recorded_date::text from comet_dates")
    return {row for row in everything(connection) if row[0] in PERMANENT_TABLES} | set(dates.fetchall())


def midnight(of: date) -> datetime:
    return datetime(of.year, of.month, of.day, tzinfo=UTC)


class TestLandedPages:
    def test_are_trimmed_by_the_instant_of_landing(self, facts: Facts, url: str) -> None:
        limit = midnight(day(1))
        facts.land_page(Video("71", "v1"), Video("72", "v2"), observed_at=limit - timedelta(microseconds=1))
        reject(facts, Item("{}"))
        facts.land_page(Video("71", "v3"), recorded_date=day(5), observed_at=limit - timedelta(days=9))
        facts.land_page(Video("71", "v4"), observed_at=limit)
        assert trim(url, day(1)) == {"comet_videos": 3, "comet_rejected_items": 1}
        assert facts.rows("select video_id from comet_videos") == [("v4",)]
        assert facts.rows("select received_count, is_trimmed from comet_pages order by page_id") == [
            (3, True),
            (1, True),
            (1, False),
        ]
        assert miscounted_pages(facts) == []
        assert trim(url, day(1)) == {}

    def test_are_trimmed_by_the_day_in_the_timezone(self, facts: Facts, url: str) -> None:
        facts.land_page(Video("71", "v1"), observed_at=datetime(2026, 3, 1, 14, 59, tzinfo=UTC))
        facts.land_page(Video("71", "v2"), observed_at=datetime(2026, 3, 1, 15, 0, tzinfo=UTC))
        assert trim(url, day(1), "Asia/Tokyo") == {"comet_videos": 1}

    def test_of_many_batches_are_all_trimmed(self, facts: Facts, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("comets.privacy.retention.PAGES_PER_BATCH", 2)
        monkeypatch.setattr("comets.privacy.retention.ROWS_PER_BATCH", 2)
        for number in range(5):
            facts.land_page(Video(video_id=f"v{number}"))
            facts.land_profile(Profile(f"9{number}", 5))
        run_id = facts.accept()
        for number in range(5):
            facts.connection.execute("insert into comet_roll_call values (%s, %s, 1)", [run_id, f"9{number}"])
        assert trim(url, day(1)) == {"comet_videos": 5, "comet_profiles": 5, "comet_roll_call": 5}


class TestProfiles:
    def test_of_untracked_authors_are_deleted(self, facts: Facts, url: str) -> None:
        facts.observe(5, DAY, user_id="99")
        facts.observe(5, day(1), user_id="99")
        assert trim(url, day(1)) == {"comet_profiles": 1}
        assert facts.rows("select recorded_date from comet_profiles") == [(day(1),)]

    def test_of_a_tracked_creator_are_deleted_except_the_newest(self, facts: Facts, url: str) -> None:
        facts.land_page(Video())
        facts.run()
        for number in range(4):
            facts.observe(20_000, day(number))
        assert trim(url, day(9))["comet_profiles"] == 3
        assert facts.rows("select recorded_date from comet_profiles") == [(day(3),)]
        facts.observe(20_000, day(10))
        assert trim(url, day(9)) == {"comet_profiles": 1}

    def test_that_make_a_creator_missing_are_kept(self, facts: Facts, url: str) -> None:
        facts.land_page(Video(), Video("72", "v2"))
        for number, outcome in enumerate(("refused", "found", "refused", "failed", "no_account", "refused")):
            facts.observe(20_000, day(number), user_id="72")
            facts.land_profile(Profile(outcome=outcome), day(number))
            facts.run(day(number))
        assert facts.rows("select status from creators where user_id = '71'") == [("missing",)]
        before = contents(facts.connection)
        trim(url, day(9))
        assert facts.rows("select recorded_date from comet_profiles where user_id = '71' order by 1") == [
            (day(number),) for number in range(1, 6)
        ]
        facts.run(day(9), run_id="after")
        facts.run(day(2), run_id="of a trimmed date")
        changed = contents(facts.connection) - before
        assert {row[0] for row in changed if "after" not in row[1] and str(day(9)) not in row[1]} == {
            "comet_runs",
            "comet_dates",
        }
        assert facts.rows("select status from creators where user_id = '71'") == [("missing",)]

    def test_that_judge_a_later_search_are_kept(self, facts: Facts, url: str) -> None:
        """The author was below the follower range in the first profile, and is within it in the second."""
        facts.observe(5_000, day(1))
        facts.observe(20_000, day(40))
        facts.land_page(Video(follower_count=None), recorded_date=DAY, observed_at=midnight(day(41)))
        facts.run(is_live=False)
        assert facts.rows("select 1 from comet_discoveries") == []
        trim(url, day(30))
        facts.run(is_live=False)
        assert facts.rows("select 1 from comet_discoveries") == []


class TestDerivedRows:
    def test_observed_row_outlives_its_reading(self, facts: Facts, url: str) -> None:
        facts.observe(20_000, DAY)
        facts.land_page(Video(follower_count=21_000), observed_at=midnight(DAY) + timedelta(hours=13))
        run_id = facts.run()
        trim(url, day(9))
        assert facts.rows("select follower_count from comet_profiles") == [(20_000,)]
        facts.run_again(run_id)
        assert facts.rows("select follower_count from creator_stats") == [(21_000,)]

    def test_repeated_runs_change_nothing(self, facts: Facts, url: str) -> None:
        run_ids = live(facts, 8)
        before = contents(facts.connection)
        counts = trim(url, day(5))
        assert counts["comet_videos"] == 15
        assert counts["comet_profiles"] == 5
        assert contents(facts.connection) == before
        for run_id in [*run_ids, *reversed(run_ids)]:
            facts.run_again(run_id)
        assert contents(facts.connection) == before

    def test_run_with_other_criteria_on_a_trimmed_date_changes_no_snapshot(self, facts: Facts, url: str) -> None:
        live(facts, 4)
        trim(url, day(9))
        before = contents(facts.connection)
        facts.run(day(1), min_followers=0, max_followers=10**9, is_live=False)
        assert {table for table, _, _ in contents(facts.connection) ^ before} == {"comet_runs"}

    def test_trimmed_date_makes_no_calls(self, facts: Facts, url: str) -> None:
        live(facts, 4)
        trim(url, day(9))
        run_id = facts.accept(recorded_date=DAY, is_live=False)
        assert (
            facts.rows(
                "select user_id from creators except select user_id from comet_run_answers where run_id = %s",
                run_id,
            )
            == []
        )
        assert facts.rows("select stop_reason from comet_searches where recorded_date = %s", DAY) == [("exhausted",)]

    def test_plans_are_deleted_with_the_date_of_their_run(self, facts: Facts, url: str) -> None:
        for number in (0, 1):
            run_id = facts.accept(recorded_date=day(number))
            facts.connection.execute("insert into comet_roll_call values (%s, '71', 1)", [run_id])
        assert trim(url, day(1)) == {"comet_roll_call": 1}
        assert facts.rows(
            "select run.recorded_date from comet_roll_call inner join comet_runs as run using (run_id)"
        ) == [(day(1),)]


class TestFormerHandles:
    def handles(self, facts: Facts) -> list[str]:
        return [handle for (handle,) in facts.rows("select handle from comet_handles order by first_seen_at")]

    def trim(self, url: str, kept_date: date) -> Counter[str]:
        with opened(url) as database:
            return trim_handles(database, kept_date, "UTC")

    def rename(self, facts: Facts, *handles: str) -> list[str]:
        facts.land_page(Video(handle=handles[0]))
        run_ids = [facts.run()]
        for number, handle in enumerate(handles[1:], start=1):
            facts.observe(20_000, day(number), handle=handle)
            run_ids.append(facts.run(day(number)))
        return run_ids

    def test_are_deleted_by_the_age_of_the_next_handle(self, facts: Facts, url: str) -> None:
        self.rename(facts, "a", "b", "c")
        assert self.trim(url, day(1)) == {}
        assert self.trim(url, day(2)) == {"comet_handles": 1}
        assert self.handles(facts) == ["b", "c"]
        assert self.trim(url, day(300)) == {"comet_handles": 1}
        assert self.handles(facts) == ["c"]

    def test_are_not_stored_again_by_repeated_runs(self, facts: Facts, url: str) -> None:
        run_ids = self.rename(facts, "a", "b", "c")
        self.trim(url, day(300))
        before = contents(facts.connection)
        for run_id in [*run_ids, *reversed(run_ids)]:
            facts.run_again(run_id)
        assert contents(facts.connection) == before
        assert facts.rows("select handle from comet_landed_readings where handle <> 'c'") == []

    def test_that_were_read_lately_stay(self, facts: Facts, url: str) -> None:
        self.rename(facts, "a", "b", "a", "b", "a")
        assert self.trim(url, day(3)) == {}
        assert self.trim(url, day(4)) == {"comet_handles": 1}
        assert self.handles(facts) == ["a"]

    def test_of_many_batches_are_all_deleted(self, facts: Facts, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("comets.privacy.retention.CREATORS_PER_BATCH", 2)
        self.rename(facts, "a", "b", "c", "d", "e", "f")
        assert self.trim(url, day(300)) == {"comet_handles": 5}


class TestProfilesOfMissingCreators:
    BIO = "a bio"

    def lose(self, facts: Facts) -> list[str]:
        """Land a creator with a bio, then failures on days 1 to 3."""
        bio = {"nickname": "Ada", "signature": self.BIO, "avatar_url": "https://a"}
        facts.land_page(Video(**bio), Video("72", "v2", **bio))  # type: ignore[arg-type]
        facts.observe(20_000, DAY, **bio)
        run_ids = [facts.run()]
        for number in range(1, 4):
            facts.observe(20_000, day(number), user_id="72")
            facts.land_profile(Profile(outcome="refused"), day(number))
            run_ids.append(facts.run(day(number)))
        assert facts.rows("select user_id, status from creators order by 1") == [("71", "missing"), ("72", "tracked")]
        return run_ids

    def clear(self, url: str, kept_date: date) -> Counter[str]:
        with opened(url) as database:
            return clear_missing_profiles(database, kept_date, "UTC")

    def bios(self, facts: Facts) -> list[Row]:
        return facts.rows("select user_id, nickname, signature, avatar_url from creators order by 1")

    def test_are_cleared_by_the_date_of_the_third_failure(self, facts: Facts, url: str) -> None:
        self.lose(facts)
        assert self.clear(url, day(3)) == {}
        assert self.clear(url, day(4)) == {"creators": 1}
        kept = ("72", "Ada", self.BIO, "https://a")
        assert self.bios(facts) == [("71", None, None, None), kept]
        assert facts.rows(
            "select distinct user_id from comet_landed_readings where num_nonnulls(nickname, signature, avatar_url) > 0"
        ) == [("72",)]
        assert self.clear(url, day(4)) == {}

    def test_do_not_come_back_with_repeated_runs(self, facts: Facts, url: str) -> None:
        run_ids = self.lose(facts)
        # Scores of past dates leave out a creator that is missing by now.
        for run_id in run_ids:
            facts.run_again(run_id)
        self.clear(url, day(9))
        before = contents(facts.connection)
        for run_id in [*run_ids, *reversed(run_ids)]:
            facts.run_again(run_id)
        assert contents(facts.connection) == before

    def test_are_cleared_after_the_landing_is_trimmed(self, facts: Facts, url: str) -> None:
        self.lose(facts)
        trim(url, day(9))
        assert self.clear(url, day(9)) == {"creators": 1}

    def test_come_back_with_the_creator(self, facts: Facts, url: str) -> None:
        self.lose(facts)
        self.clear(url, day(9))
        facts.observe(20_000, day(10), nickname="Ada", signature="back")
        facts.run(day(10))
        assert self.bios(facts)[0] == ("71", "Ada", "back", None)

    def test_of_a_reading_that_no_run_has_processed_are_kept(self, facts: Facts, url: str) -> None:
        self.lose(facts)
        facts.observe(20_000, day(10), signature="back")
        self.clear(url, day(9))
        facts.run(day(10))
        assert self.bios(facts)[0] == ("71", None, "back", None)


def live(facts: Facts, day_count: int) -> list[str]:
    """Run days on which creators are found, read, renamed, lost and found again."""
    run_ids = []
    for number in range(day_count):
        facts.land_page(
            Video("71", f"a{number}", follower_count=20_000 + number),
            Video("72", f"b{number}", follower_count=None, handle=f"b{number // 3}"),
            Video("73", f"c{number}", follower_count=300_000, handle="c"),
            recorded_date=day(number),
        )
        facts.observe(30_000 + 7 * number, day(number), user_id="72")
        facts.land_profile(Profile("71", outcome="failed" if number % 2 else "refused"), day(number))
        facts.observe(300_000, day(number), user_id="73")
        run_ids.append(facts.run(day(number)))
    return run_ids
