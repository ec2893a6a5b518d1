"""upsert_creators.sql: the rules of tracked creators by example; random worlds cover the orders of merging."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from tests.steps.builders import DAY, Facts, Profile, Row, Video, day, noon, statements

LEGACY_ID = "MS4wLjABAAAA" + "x" * 64
IMPORTED_AT = noon(day(-9))
NASTY_TEXTS = [
    "'; drop table creators; --",
    "\\' \\n \\\\",
    "100 % %s %(run_id)s %%",
    "{{ run_id }} {% raw %} ${HOME}",
    "🧑‍🚀 猫 ﷽ \u202etxet",
    "half a pair: \ufffd",
    '"$$" /* */',
    " two\nlines\t",
]


def creator(facts: Facts, columns: LiteralString, user_id: str = "71") -> Row:
    """Return columns of one creator."""
    (row,) = facts.rows("select " + columns + " from creators where user_id = %s", user_id)
    return row


def creators(facts: Facts) -> set[str]:
    """Return the ids of all creators."""
    return {user_id for (user_id,) in facts.rows("select user_id from creators")}


def add_legacy_creator(facts: Facts, user_id: str = LEGACY_ID) -> None:
    """Insert a creator of an older installation as setup_database.sql leaves it."""
    facts.connection.execute(
        """
        insert into creators (
            user_id, handle, nickname, last_updated_at, handle_observed_at, nickname_observed_at
        )
        values (%(user_id)s, 'old', 'Old', %(at)s, %(at)s, %(at)s)
        """,
        {"user_id": user_id, "at": IMPORTED_AT},
    )
    facts.connection.execute("insert into comet_handles values (%s, 'old', %s)", [user_id, IMPORTED_AT])


def add_legacy_snapshot(facts: Facts, on: date, follower_count: int, user_id: str = LEGACY_ID) -> None:
    """Insert a row of that creator as the original wrote it."""
    facts.connection.execute(
        "insert into creator_stats (user_id, recorded_date, follower_count) values (%s, %s, %s)",
        [user_id, on, follower_count],
    )
    facts.connection.execute("insert into comet_dates values (%s, false) on conflict do nothing", [on])


def read_report(facts: Facts, name: str, run_id: str) -> list[dict[str, Any]]:
    """Return the rows of a report's SQL file."""
    with facts.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statements(name)[0], {"run_id": run_id, "run_attempt": 0}).fetchall()


class TestMerging:
    def test_newest_known_value_of_each_column_wins(self, facts: Facts) -> None:
        videos = [
            Video(handle="ada1", nickname="Ada", avatar_url="a.jpg", signature="one", sec_uid="s1"),
            Video(handle="ada2", nickname=None, avatar_url="b.jpg", signature=None, sec_uid="s1"),
            Video(handle="ada3", nickname=None, avatar_url=None, signature="three", sec_uid=None),
        ]
        for number in (2, 0, 1):
            facts.land_page(videos[number], recorded_date=day(number))
            facts.run(day(number))
        columns: LiteralString = "handle, nickname, avatar_url, signature, sec_uid, last_updated_at, tracked_since"
        assert creator(facts, columns) == ("ada3", "Ada", "b.jpg", "three", "s1", noon(day(2)), DAY)

    def test_handles_are_stored_with_their_first_reading(self, facts: Facts) -> None:
        for number, handle in [(2, "new"), (0, "old"), (3, "new"), (1, "old"), (4, "old")]:
            facts.land_page(Video(handle=handle), recorded_date=day(number))
            facts.run(day(number))
        assert creator(facts, "handle") == ("old",)
        assert facts.rows("select handle, first_seen_at from comet_handles order by handle") == [
            ("new", noon(day(2))),
            ("old", noon(day(0))),
        ]

    def test_text_is_stored_as_it_is(self, facts: Facts) -> None:
        for number, text in enumerate([*NASTY_TEXTS, "a" * 2_000]):
            video = Video(text, text, handle=text, nickname=50 * text, signature=text, avatar_url=text)
            facts.land_page(video, hashtag=text, recorded_date=day(number))
            facts.run(day(number), hashtags=[text], run_id=text)
            stored = creator(facts, "handle, nickname, signature, avatar_url, found_by_run_id", text)
            assert stored == (text, 50 * text, text, text, text)


class TestTracking:
    def test_tracked_creators_are_updated_without_qualifying_again(self, facts: Facts) -> None:
        facts.land_page(Video("71", handle="old"), Video("72", "v2", play_count=3), Video("73", follower_count=5))
        facts.run()
        facts.land_page(Video(handle="new", follower_count=3_000_000), recorded_date=day(1))
        facts.run(day(1))
        assert creators(facts) == {"71"}
        assert creator(facts, "handle, tracked_since") == ("new", DAY)

    def test_past_date_is_discovered_when_it_is_searched(self, facts: Facts) -> None:
        facts.timezone = "Asia/Tokyo"
        facts.land_page(Video(), observed_at=noon(day(4)) + timedelta(hours=4))
        facts.run()
        assert creator(facts, "first_found_at, tracked_since") == (noon(day(4)) + timedelta(hours=4), day(5))
        facts.land_page(Video(), recorded_date=day(2))
        facts.run(day(2))
        assert creator(facts, "first_found_at, tracked_since, is_settled") == (noon(day(2)), day(2), True)

    def test_creator_is_new_only_in_the_run_that_inserted_it(self, facts: Facts) -> None:
        add_legacy_creator(facts)
        facts.land_page(Video(), Video("72", "v2", sec_uid=LEGACY_ID), recorded_date=day(2))
        first = facts.run(day(2))
        facts.land_page(Video(), recorded_date=day(1))
        runs = [facts.run(day(2)), facts.run(day(1)), first]
        facts.run_again(first)
        assert facts.rows("select user_id, found_by_run_id from creators order by 1") == [("71", first), ("72", None)]
        for report, name in (("reporting/comets", "is_new"), ("reporting/hashtags", "new_comet_count")):
            counts = [sum(row[name] for row in read_report(facts, report, run)) for run in runs]
            assert counts == [0, 0, 1], report


class TestLegacyKeys:
    def test_creator_moves_to_its_numeric_id_with_the_whole_history(self, facts: Facts) -> None:
        add_legacy_creator(facts)
        add_legacy_snapshot(facts, day(-10), 8_000)
        add_legacy_snapshot(facts, day(-9), 9_000)
        facts.land_page(Video(sec_uid=LEGACY_ID, handle="new", follower_count=2_000_000))
        facts.run()
        assert creators(facts) == {"71"}
        columns: LiteralString = "handle, nickname, sec_uid, tracked_since, last_updated_at"
        assert creator(facts, columns) == ("new", "Old", LEGACY_ID, None, noon(DAY))
        assert facts.rows(
            "select user_id, recorded_date, follower_count, gap_days from creator_stats order by recorded_date"
        ) == [("71", day(-10), 8_000, None), ("71", day(-9), 9_000, None), ("71", DAY, 2_000_000, 9)]
        assert facts.rows("select user_id, handle, first_seen_at from comet_handles order by 2") == [
            ("71", "new", noon(DAY)),
            ("71", "old", IMPORTED_AT),
        ]

    def test_newer_attributes_of_the_old_row_survive_the_merge(self, facts: Facts) -> None:
        facts.land_page(Video(handle="uid", nickname="Uid"), observed_at=noon(day(-20)))
        facts.run()
        add_legacy_creator(facts)
        facts.land_page(Video(handle=None, sec_uid=LEGACY_ID), recorded_date=day(1))
        facts.run(day(1))
        assert creator(facts, "handle, nickname") == ("old", "Old")

    def test_row_of_the_numeric_id_stays_where_both_are_imported(self, facts: Facts) -> None:
        for user_id, count in ((LEGACY_ID, 9_000), ("71", 8_000)):
            add_legacy_creator(facts, user_id)
            add_legacy_snapshot(facts, day(-9), count, user_id)
        facts.land_page(Video(sec_uid=LEGACY_ID))
        facts.run()
        assert facts.rows("select follower_count from creator_stats order by recorded_date") == [(8_000,), (20_000,)]

    def test_dates_around_a_moved_row_are_derived_again(self, facts: Facts) -> None:
        facts.land_page(Video())
        facts.run(DAY)
        facts.land_page(Video(follower_count=24_000), recorded_date=day(2))
        facts.run(day(1), hashtags=["other"])
        facts.run(day(2))
        add_legacy_creator(facts)
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

    def test_two_old_rows_of_one_creator_are_both_moved(self, facts: Facts) -> None:
        for number, name in enumerate([LEGACY_ID + "1", LEGACY_ID + "2"]):
            add_legacy_creator(facts, name)
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

    def test_answer_under_the_old_key_moves_nothing(self, facts: Facts) -> None:
        add_legacy_creator(facts)
        add_legacy_snapshot(facts, day(-9), 9_000)
        facts.land_profile(Profile(LEGACY_ID, 10_000, sec_uid=LEGACY_ID, handle="new"))
        facts.run()
        assert creator(facts, "handle", LEGACY_ID) == ("new",)
        assert facts.rows("select recorded_date, follower_count from creator_stats order by 1") == [
            (day(-9), 9_000),
            (DAY, 10_000),
        ]


def test_parallel_upserts_equal_sequential_ones(facts: Facts, creators_url: str) -> None:
    for number in range(4):
        facts.land_page(
            *(Video(f"{user:03}", handle=f"h{number}") for user in range(50 * number, 50 * number + 100)),
            recorded_date=day(number),
        )
        add_legacy_creator(facts, f"{LEGACY_ID}{number}")
        facts.land_page(Video("000", sec_uid=f"{LEGACY_ID}{number}", handle=None), recorded_date=day(number))

    def run(number: int) -> None:
        with psycopg.connect(creators_url, autocommit=True) as connection:
            Facts(connection).run(day(number), run_id=f"parallel {number}")

    with ThreadPoolExecutor() as pool:
        list(pool.map(run, range(4)))
    for number in range(4):
        facts.run_again(f"parallel {number}")
    handles = [(f"{user:03}", f"h{min(user // 50, 3)}") for user in range(250)]
    assert facts.rows("select user_id, handle from creators order by 1") == handles
