"""upsert_creators.sql: who is tracked, and what is known about them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.sql.builders import DAY, Facts, Profile, Row, Video, day, noon, run_step, statements

LEGACY_ID = "MS4wLjABAAAA" + "x" * 64
NASTY_TEXTS = [
    "'; drop table creators; --",
    "\\' \\n \\\\",
    "100 % %s %(run_id)s %%",
    "{{ run_id }} {% raw %} ${HOME}",
    "🧑‍🚀 猫 ﷽ \u202etxet",
    "half a pair: \ufffd",
    '"$$" /* */',
    " two\nlines\t",
    "a" * 100_000,
]


def creator(facts: Facts, columns: LiteralString, user_id: str = "71") -> Row:
    """Columns of one creator."""
    (row,) = facts.rows("select " + columns + " from creators where user_id = %s", user_id)
    return row


def creators(facts: Facts) -> set[str]:
    """Everybody in the table."""
    return {user_id for (user_id,) in facts.rows("select user_id from creators")}


def add_legacy_creator(facts: Facts, user_id: str = LEGACY_ID, *, handle: str = "old", updated_at: datetime) -> None:
    """A creator as setup_database.sql leaves one that an older installation had."""
    facts.connection.execute(
        """
        insert into creators (
            user_id, handle, nickname, last_updated_at, handle_observed_at, nickname_observed_at
        )
        values (%(user_id)s, %(handle)s, 'Old', %(at)s, %(at)s, %(at)s)
        """,
        {"user_id": user_id, "handle": handle, "at": updated_at},
    )
    facts.connection.execute(
        "insert into comet_handles (user_id, handle, first_seen_at) values (%s, %s, %s)",
        [user_id, handle, updated_at],
    )


def add_legacy_snapshot(facts: Facts, on: date, follower_count: int, user_id: str = LEGACY_ID) -> None:
    """A row of that creator as the original left it."""
    facts.connection.execute(
        "insert into creator_stats (user_id, recorded_date, follower_count) values (%s, %s, %s)",
        [user_id, on, follower_count],
    )
    facts.connection.execute("insert into comet_dates values (%s, false) on conflict do nothing", [on])


class TestMerging:
    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_the_newest_known_value_of_each_column_wins_whatever_the_order(
        self, facts: Facts, order: tuple[int, ...]
    ) -> None:
        videos = [
            Video(handle="ada1", nickname="Ada", avatar_url="a.jpg", signature="one", sec_uid="s1"),
            Video(handle="ada2", nickname=None, avatar_url="b.jpg", signature=None, sec_uid="s1"),
            Video(handle="ada3", nickname=None, avatar_url=None, signature="three", sec_uid=None),
        ]
        for number in order:
            facts.land_page(videos[number], recorded_date=day(number))
            facts.run(day(number))
        columns: LiteralString = "handle, nickname, avatar_url, signature, sec_uid, last_updated_at, tracked_since"
        assert creator(facts, columns) == ("ada3", "Ada", "b.jpg", "three", "s1", noon(day(2)), DAY)
        assert creator(
            facts,
            "handle_observed_at, nickname_observed_at, avatar_url_observed_at, signature_observed_at, "
            "sec_uid_observed_at",
        ) == (noon(day(2)), noon(day(0)), noon(day(1)), noon(day(2)), noon(day(1)))

    def test_within_a_landing_the_newest_known_value_wins(self, facts: Facts) -> None:
        facts.land_page(Video(handle="late", nickname="n"), observed_at=noon(DAY) + timedelta(hours=2))
        facts.land_page(Video(handle="early", nickname="m", signature="s"), observed_at=noon(DAY))
        facts.land_profile(Profile(handle=None, signature="p"), observed_at=noon(DAY) + timedelta(hours=3))
        facts.run()
        assert creator(facts, "handle, nickname, signature, last_updated_at") == (
            "late",
            "n",
            "p",
            noon(DAY) + timedelta(hours=3),
        )

    def test_values_of_one_instant_are_merged_to_the_same_whatever_the_order(self, facts: Facts) -> None:
        for number, handles in enumerate([("a", "b"), ("b", "a")]):
            for offset, handle in enumerate(handles):
                facts.land_page(
                    Video(str(number), handle=handle), recorded_date=day(2 * number + offset), observed_at=noon(DAY)
                )
                facts.run(day(2 * number + offset))
        assert creator(facts, "handle", "0") == creator(facts, "handle", "1") == ("b",)

    def test_an_older_observation_does_not_overwrite(self, facts: Facts) -> None:
        facts.land_page(Video(handle="new", signature="new"), recorded_date=day(1))
        facts.run(day(1))
        facts.land_page(Video(handle="old", signature="old", nickname="known only then"), recorded_date=day(0))
        facts.run(day(0))
        assert creator(facts, "handle, signature, nickname, tracked_since, last_updated_at") == (
            "new",
            "new",
            "known only then",
            DAY,
            noon(day(1)),
        )

    def test_a_profile_without_account_tells_nothing(self, facts: Facts) -> None:
        facts.land_page(Video(handle="ada"))
        facts.land_profile(Profile(outcome="no_account", handle="wrong"), observed_at=noon(DAY) + timedelta(hours=1))
        facts.run()
        assert creator(facts, "handle, last_updated_at") == ("ada", noon(DAY))

    def test_a_rename_is_remembered_with_its_dates(self, facts: Facts) -> None:
        for number, handle in [(2, "new"), (0, "old"), (3, "new"), (1, "old"), (4, "old")]:
            facts.land_page(Video(handle=handle), recorded_date=day(number))
            facts.run(day(number))
        assert creator(facts, "handle") == ("old",)
        assert facts.rows("select handle, first_seen_at from comet_handles order by handle") == [
            ("new", noon(day(2))),
            ("old", noon(day(0))),
        ]

    def test_a_second_time_writes_nothing(self, facts: Facts) -> None:
        facts.land_page(Video("71"), Video("72", handle="bob"))
        run_id = facts.run()
        query: LiteralString = """
            select c.xmin::text, c.user_id from creators as c union all select h.xmin::text, h.handle
            from comet_handles as h order by 2
        """
        before = facts.rows(query)
        facts.step("upsert_creators", run_id)
        assert facts.rows(query) == before

    def test_a_refused_run_changes_nothing(self, facts: Facts) -> None:
        add_legacy_creator(facts, updated_at=noon(day(-9)))
        facts.land_page(Video(sec_uid=LEGACY_ID))
        facts.step("upsert_creators", "refused")
        assert creators(facts) == {LEGACY_ID}


class TestWhoIsTracked:
    def test_only_who_qualified(self, facts: Facts) -> None:
        facts.land_page(Video("71"), Video("72", "v2", play_count=3), Video("73", "v3", follower_count=5))
        facts.run()
        assert creators(facts) == {"71"}

    def test_who_is_tracked_is_updated_also_without_qualifying(self, facts: Facts) -> None:
        facts.land_page(Video(handle="old"))
        facts.run()
        facts.land_page(Video(handle="new", follower_count=3_000_000), recorded_date=day(1))
        facts.run(day(1))
        assert creator(facts, "handle, tracked_since") == ("new", DAY)

    def test_who_is_tracked_is_updated_by_a_profile_alone(self, facts: Facts) -> None:
        facts.land_page(Video(handle="old"))
        facts.run()
        facts.land_profile(Profile(handle="new"), day(1))
        facts.run(day(1))
        assert creator(facts, "handle") == ("new",)

    def test_whom_another_run_of_the_date_discovered(self, facts: Facts) -> None:
        facts.land_page(Video())
        facts.step("filter_comets", facts.accept())
        facts.run(min_followers=50_000)
        assert creators(facts) == {"71"}

    def test_first_found_is_the_earliest_instant_at_which_views_and_count_were_known(self, facts: Facts) -> None:
        for number in (3, 1, 2):
            facts.land_page(Video(), recorded_date=day(number))
            facts.run(day(number))
        assert creator(facts, "first_found_at, tracked_since") == (noon(day(1)), day(1))

    def test_first_found_is_not_before_the_profile_that_judged_it(self, facts: Facts) -> None:
        facts.land_page(Video(follower_count=None))
        facts.land_profile(Profile(follower_count=20_000), observed_at=noon(DAY) + timedelta(hours=2))
        facts.run()
        assert creator(facts, "first_found_at") == (noon(DAY) + timedelta(hours=2),)

    def test_a_past_date_that_is_searched_later_was_found_when_it_was_searched(self, facts: Facts) -> None:
        facts.timezone = "Asia/Tokyo"
        facts.land_page(Video(), observed_at=noon(day(4)) + timedelta(hours=4))
        facts.run()
        assert creator(facts, "first_found_at, tracked_since") == (noon(day(4)) + timedelta(hours=4), day(5))
        facts.land_page(Video(), recorded_date=day(2))
        facts.run(day(2))
        assert creator(facts, "first_found_at, tracked_since, is_settled") == (noon(day(2)), day(2), True)

    def test_a_creator_is_new_once_in_the_run_that_inserted_it(self, facts: Facts) -> None:
        add_legacy_creator(facts, updated_at=noon(day(-9)))
        facts.land_page(Video(), Video("72", "v2", sec_uid=LEGACY_ID), recorded_date=day(2))
        first = facts.run(day(2))
        facts.land_page(Video(), recorded_date=day(1))
        runs = [facts.run(day(2)), facts.run(day(1)), first]
        facts.run_again(first)
        assert facts.rows("select user_id, found_by_run_id from creators order by 1") == [("71", first), ("72", None)]
        for report, name in (("report/comets", "is_new"), ("report/hashtags", "new_comet_count")):
            counts = [sum(row[name] for row in read(facts, report, run)) for run in runs]
            assert counts == [0, 0, 1], report

    def test_what_other_dates_saw_before_counts_too_once_a_creator_qualifies(self, facts: Facts) -> None:
        facts.land_page(Video(handle="newest", follower_count=9), recorded_date=day(2))
        facts.run(day(2))
        facts.land_page(Video(handle="older"), recorded_date=day(1))
        facts.run(day(1))
        assert creator(facts, "handle, last_updated_at") == ("newest", noon(day(2)))
        assert facts.rows("select handle, first_seen_at from comet_handles order by 1") == [
            ("newest", noon(day(2))),
            ("older", noon(day(1))),
        ]


def read(facts: Facts, name: str, run_id: str) -> list[dict[str, Any]]:
    """Return the rows of a report's file."""
    with facts.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statements(name)[0], {"run_id": run_id, "clear_number": 0}).fetchall()


class TestText:
    @pytest.mark.parametrize("text", NASTY_TEXTS, ids=lambda text: ascii(text[:12]))
    def test_is_stored_as_it_is(self, facts: Facts, text: str) -> None:
        facts.land_page(Video(handle="ada", nickname=text, signature=text, avatar_url=text))
        facts.land_page(Video("72", "v2", handle=text[:2000]))
        run_id = facts.run()
        facts.step("record_growth", run_id)
        assert creator(facts, "nickname, signature, avatar_url") == (text, text, text)
        assert creator(facts, "handle", "72") == (text[:2000],)

    def test_ids_and_hashtags_are_text_too(self, facts: Facts) -> None:
        for number, text in enumerate(NASTY_TEXTS[:-1]):
            facts.land_page(Video(text, text), hashtag=text, recorded_date=day(number))
            facts.run(day(number), hashtags=[text], run_id=text)
        assert creators(facts) == set(NASTY_TEXTS[:-1])


class TestLegacyKeys:
    def test_a_creator_moves_to_its_numeric_id_with_the_whole_history(self, facts: Facts) -> None:
        add_legacy_creator(facts, updated_at=noon(day(-9)))
        add_legacy_snapshot(facts, day(-10), 8_000)
        add_legacy_snapshot(facts, day(-9), 9_000)
        facts.land_page(Video(sec_uid=LEGACY_ID, handle="new"))
        facts.run()
        assert creators(facts) == {"71"}
        assert creator(facts, "handle, nickname, sec_uid, tracked_since, last_updated_at") == (
            "new",
            "Old",
            LEGACY_ID,
            None,
            noon(DAY),
        )
        assert facts.rows(
            "select user_id, recorded_date, follower_count, gap_days from creator_stats order by recorded_date"
        ) == [("71", day(-10), 8_000, None), ("71", day(-9), 9_000, None), ("71", DAY, 20_000, 9)]
        assert facts.rows("select user_id, handle, first_seen_at from comet_handles order by 2") == [
            ("71", "new", noon(DAY)),
            ("71", "old", noon(day(-9))),
        ]

    def test_a_creator_that_does_not_qualify_any_more_moves_too(self, facts: Facts) -> None:
        add_legacy_creator(facts, updated_at=noon(day(-9)))
        facts.land_page(Video(sec_uid=LEGACY_ID, follower_count=2_000_000))
        facts.run()
        assert creators(facts) == {"71"}

    def test_a_profile_moves_it(self, facts: Facts) -> None:
        add_legacy_creator(facts, updated_at=noon(day(-9)))
        facts.land_profile(Profile("71", 20_000, sec_uid=LEGACY_ID))
        facts.run()
        assert creators(facts) == {"71"}

    def test_a_creator_already_known_by_its_numeric_id_is_merged_with_it(self, facts: Facts) -> None:
        facts.land_page(Video(handle="new", sec_uid=None), observed_at=noon(DAY) + timedelta(hours=1))
        facts.run()
        add_legacy_creator(facts, updated_at=noon(day(-9)))
        add_legacy_snapshot(facts, day(-10), 10_000)
        add_legacy_snapshot(facts, DAY, 19_000)
        facts.land_page(Video(handle="newer", sec_uid=LEGACY_ID), recorded_date=day(1))
        facts.run(day(1))
        assert creators(facts) == {"71"}
        assert creator(facts, "handle, nickname, tracked_since") == ("newer", "Old", None)
        assert {handle for (handle,) in facts.rows("select handle from comet_handles")} == {"old", "new", "newer"}
        # On the date that both have the row that was read stays.
        assert facts.rows(
            "select recorded_date, follower_count, gap_days, daily_growth_followers from creator_stats order by 1"
        ) == [(day(-10), 10_000, None, None), (DAY, 20_000, 10, 1_000), (day(1), 20_000, 1, 0)]

    def test_newer_attributes_of_the_old_row_survive_the_merge(self, facts: Facts) -> None:
        facts.land_page(Video(handle="uid", nickname="Uid"), observed_at=noon(day(-20)))
        facts.run()
        add_legacy_creator(facts, updated_at=noon(day(-9)))
        facts.land_page(Video(handle=None, sec_uid=LEGACY_ID), recorded_date=day(1))
        facts.run(day(1))
        assert creator(facts, "handle, nickname") == ("old", "Old")

    def test_history_that_moves_derives_the_dates_around_it_again(self, facts: Facts) -> None:
        facts.land_page(Video())
        facts.run(DAY)
        facts.land_page(Video(follower_count=24_000), recorded_date=day(2))
        facts.run(day(1), hashtags=["other"])
        facts.run(day(2))
        assert facts.rows("select follower_count, basis from creator_stats where recorded_date = %s", day(1)) == [
            (22_000, "estimated")
        ]
        add_legacy_creator(facts, updated_at=noon(day(-9)))
        add_legacy_snapshot(facts, day(1), 21_000)
        facts.land_page(Video(follower_count=26_000, sec_uid=LEGACY_ID), recorded_date=day(3))
        facts.run(day(3))
        assert facts.rows(
            "select recorded_date, follower_count, basis, daily_growth_followers from creator_stats order by 1"
        ) == [
            (DAY, 20_000, "observed", 0),
            (day(1), 21_000, "observed", None),
            (day(2), 24_000, "observed", 3_000),
            (day(3), 26_000, "observed", 2_000),
        ]

    def test_what_was_landed_before_the_move_counts_as_in_any_other_order(self, facts: Facts) -> None:
        add_legacy_creator(facts, updated_at=noon(day(-9)))
        facts.land_page(Video(handle="between", follower_count=500_000))
        facts.run(DAY)
        facts.land_page(Video(follower_count=600_000, handle=None, sec_uid=LEGACY_ID), recorded_date=day(1))
        facts.run(day(1))
        assert creator(facts, "handle") == ("between",)
        assert facts.rows("select recorded_date, follower_count from creator_stats order by 1") == [
            (DAY, 500_000),
            (day(1), 600_000),
        ]

    def test_two_old_rows_of_one_creator_are_both_moved_in_time(self, facts: Facts) -> None:
        for number, name in enumerate([LEGACY_ID + "1", LEGACY_ID + "2"]):
            add_legacy_creator(facts, name, updated_at=noon(day(-9)))
            add_legacy_snapshot(facts, day(-9 + number), 9_000, name)
            facts.land_page(Video(sec_uid=name))
        facts.run()
        facts.run()
        assert creators(facts) == {"71"}
        assert facts.rows("select user_id, recorded_date from creator_stats order by 2") == [
            ("71", day(-9)),
            ("71", day(-8)),
            ("71", DAY),
        ]

    def test_an_answer_under_the_old_key_itself_moves_nothing(self, facts: Facts) -> None:
        add_legacy_creator(facts, updated_at=noon(day(-9)))
        add_legacy_snapshot(facts, day(-9), 9_000)
        facts.land_profile(Profile(LEGACY_ID, 10_000, sec_uid=LEGACY_ID, handle="new"))
        facts.run()
        assert creator(facts, "handle", LEGACY_ID) == ("new",)
        assert facts.rows("select recorded_date, follower_count from creator_stats order by 1") == [
            (day(-9), 9_000),
            (DAY, 10_000),
        ]

    def test_ids_of_76_characters_stay_when_nobody_tells_the_numeric_one(self, facts: Facts) -> None:
        add_legacy_creator(facts, updated_at=noon(day(-9)))
        facts.land_page(Video())
        facts.run()
        assert creators(facts) == {LEGACY_ID, "71"}


class TestParallelUpserts:
    def test_of_the_same_creators_in_opposite_order_do_not_deadlock(self, facts: Facts, creators_url: str) -> None:
        names = [f"{number:04}" for number in range(300)]
        facts.land_page(*(Video(name, handle="a") for name in names), recorded_date=day(0))
        facts.land_page(*(Video(name, handle="b") for name in reversed(names)), recorded_date=day(1))
        runs = [facts.accept(recorded_date=day(number)) for number in (0, 1)]
        for run_id in runs:
            facts.step("filter_comets", run_id)

        def upsert(run_id: str) -> None:
            with psycopg.connect(creators_url, autocommit=True) as connection:
                for _ in range(5):
                    run_step(connection, "upsert_creators", run_id)

        with ThreadPoolExecutor() as pool:
            list(pool.map(upsert, runs))
        assert facts.rows("select handle, tracked_since, count(*) from creators group by 1, 2") == [("b", DAY, 300)]

    def test_of_new_creators_end_like_upserts_one_after_the_other(self, facts: Facts, creators_url: str) -> None:
        for number in range(4):
            facts.land_page(
                *(Video(f"{user:03}", handle=f"h{number}") for user in range(50 * number, 50 * number + 100)),
                recorded_date=day(number),
            )
            add_legacy_creator(facts, f"{LEGACY_ID}{number}", updated_at=datetime(2025, 1, 1, tzinfo=UTC))
            facts.land_page(Video("000", sec_uid=f"{LEGACY_ID}{number}", handle=None), recorded_date=day(number))

        def run(number: int) -> None:
            with psycopg.connect(creators_url, autocommit=True) as connection:
                Facts(connection).run(day(number), run_id=f"parallel {number}")

        with ThreadPoolExecutor() as pool:
            list(pool.map(run, range(4)))
        for number in range(4):
            facts.run_again(f"parallel {number}")
        assert creators(facts) == {f"{user:03}" for user in range(250)}
        for user in range(250):
            newest = min(user // 50, 3)
            assert creator(facts, "handle", f"{user:03}") == (f"h{newest}",)
