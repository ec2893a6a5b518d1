"""The leaderboard of the terminal, reporting/days.sql, and the daily totals of the page."""

from __future__ import annotations

from datetime import date
from typing import Any

from psycopg.rows import dict_row

from tests.steps.builders import DAY, SQL_FOLDER, Facts, Video, day, noon


def fetch(facts: Facts, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of a SQL file."""
    text = (SQL_FOLDER / f"{name}.sql").read_bytes()
    with facts.connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(text, parameters).fetchall()


def call(
    facts: Facts, run_id: str, *, hashtag: str | None = None, user_id: str | None = None, is_billed: bool | None = True
) -> None:
    """Record a TikHub call of a run."""
    facts.connection.execute(
        """
        insert into comet_calls (run_id, run_attempt, route, hashtag, user_id, is_billed, reserved_at)
        values (%s, 0, 'route', %s, %s, %s, %s)
        """,
        [run_id, hashtag, user_id, is_billed, noon(DAY)],
    )


def counts(row: dict[str, Any], *names: str) -> tuple[int, ...]:
    """Return counts of a row."""
    return tuple(row[f"{name}_count"] for name in names)


def test_leaderboard_marks_estimates(facts: Facts) -> None:
    facts.land_page(Video("71", "v1", handle="missed"), Video("72", "v2", handle="seen"))
    facts.run(DAY)
    facts.observe(20_100, day(1), user_id="72")
    facts.observe(20_200, day(2), user_id="72")
    facts.observe(20_300, day(2), user_id="71")
    facts.observe(20_400, day(3), user_id="71")
    for number in (1, 2, 3, 1):
        facts.run(day(number))
    marks = {
        (number, row["handle"]): (row["is_estimated"], row["counted_date"])
        for number in range(4)
        for row in fetch(facts, "reporting/leaderboard", recorded_date=day(number), row_limit=10)
    }
    assert marks == {
        (0, "missed"): (False, DAY),
        (0, "seen"): (False, DAY),
        (1, "missed"): (True, day(1)),
        (1, "seen"): (False, day(1)),
        (2, "missed"): (False, day(2)),
        (2, "seen"): (False, day(2)),
        (3, "missed"): (False, day(3)),
        (3, "seen"): (False, day(2)),
    }


def test_creator_is_new_on_the_date_of_the_run_that_found_it(facts: Facts) -> None:
    facts.land_page(Video())
    facts.run(DAY)
    facts.observe(20_001, day(1))
    facts.run(day(1))
    is_new = [
        fetch(facts, "reporting/leaderboard", recorded_date=on, row_limit=10)[0]["is_new"] for on in (DAY, day(1))
    ]
    assert is_new == [True, False]


def test_days_show_searches_comets_snapshots_and_calls(facts: Facts) -> None:
    facts.land_page(Video("71", "v1"), Video("72", "v2"), hashtag="a")
    facts.land_page(Video("71", "v1"), hashtag="b")
    first = facts.run(hashtags=["a", "b"])
    call(facts, first, hashtag="a")
    call(facts, first, hashtag="a", is_billed=False)
    call(facts, first, hashtag="b")
    facts.land_page(Video("71", "v1", follower_count=30_000), Video("73", "v3"), recorded_date=day(2), hashtag="a")
    second = facts.run(day(2), hashtags=["a", "b", "c"])
    call(facts, second, hashtag="b", user_id="74")
    call(facts, second, hashtag="c", is_billed=None)
    call(facts, second, user_id="72")
    facts.land_page(recorded_date=day(1), hashtag="c")
    third = facts.run(day(1), hashtags=["c"])
    facts.run(day(5))

    rows = fetch(facts, "reporting/days", run_ids=[second, first, third, "never accepted"])
    assert [row["run_id"] for row in rows] == [first, third, second]
    assert [row["recorded_date"] for row in rows] == [DAY, day(1), day(2)]
    assert [counts(row, "made_search", "reused_search") for row in rows] == [(2, 0), (0, 1), (1, 1)]
    assert [counts(row, "comet", "new_comet") for row in rows] == [(2, 2), (0, 0), (2, 1)]
    assert [counts(row, "observed", "estimated", "late") for row in rows] == [(2, 0, 0), (0, 1, 0), (2, 0, 0)]
    assert [counts(row, "call", "billed") for row in rows] == [(3, 2), (0, 0), (3, 2)]


def test_unfinished_search_is_not_reused(facts: Facts) -> None:
    facts.land_page(hashtag="a", stop_reason=None)
    facts.land_page(hashtag="b", region="DE")
    run_id = facts.run(hashtags=["a", "b"])
    (row,) = fetch(facts, "reporting/days", run_ids=[run_id])
    assert counts(row, "made_search", "reused_search") == (0, 0)


def test_latest_run_has_the_newest_date(facts: Facts) -> None:
    facts.land_page(Video(), recorded_date=day(1))
    newest = facts.run(day(1))
    backfilled = facts.run()
    facts.connection.execute(
        "update comet_runs set accepted_at = accepted_at + '9 days' where run_id = %s", [backfilled]
    )
    facts.accept(recorded_date=day(2))
    (found,) = fetch(facts, "page/latest")
    assert (found["run_id"], found["recorded_date"]) == (newest, day(1))
    (entry,) = found["entries"]
    assert (entry["is_new"], entry["daily_growth_followers"]) == (True, None)


def board(facts: Facts, on: date, *, is_descending: bool = True) -> list[dict[str, Any]]:
    """Return the entries of the page's leaderboard."""
    parameters: dict[str, Any] = dict.fromkeys(("hashtag", "search", "min_followers", "max_followers"))
    parameters |= {"sort": "rate", "is_descending": is_descending, "page": 1, "page_size": 25, "has_parts": False}
    (found,) = fetch(facts, "page/leaderboard", recorded_date=on, **parameters)
    entries: list[dict[str, Any]] = found["entries"]
    return entries


def growth_rank(facts: Facts, user_id: str, on: date) -> int:
    """Return the rank by growth on a creator's page."""
    (found,) = fetch(facts, "page/creator", user_id=user_id, recorded_date=on, min_followers=0, max_followers=10**6)
    rank: int = found["places"]["growth_place"]
    return rank


def test_first_reading_has_no_growth_and_sorts_last(facts: Facts) -> None:
    facts.land_page(Video("71", follower_count=30_000), Video("73", "v3", follower_count=30_000))
    facts.run()
    facts.land_page(
        Video("71", follower_count=29_000),
        Video("72", "v2", follower_count=90_000),
        Video("73", "v3", follower_count=31_000),
        recorded_date=day(1),
    )
    facts.run(day(1))
    expected = [("73", 1_000), ("71", -1_000), ("72", None)]
    for rows in (fetch(facts, "reporting/leaderboard", recorded_date=day(1), row_limit=9), board(facts, day(1))):
        assert [(row["user_id"], row["daily_growth_followers"]) for row in rows] == expected
    upwards = board(facts, day(1), is_descending=False)
    assert [entry["user_id"] for entry in upwards] == ["71", "73", "72"]
    assert upwards[-1]["daily_growth_percent"] is None
    assert [growth_rank(facts, user_id, day(1)) for user_id in ("73", "71", "72")] == [1, 2, 3]


def test_graduated_creators_are_ranked_separately(facts: Facts) -> None:
    facts.land_page(Video("71", "v1", follower_count=20_000), Video("72", "v2", follower_count=90_000))
    facts.run()
    facts.observe(20_100, day(1), user_id="71")
    facts.observe(180_000, day(1), user_id="72")
    facts.run(day(1))
    assert [growth_rank(facts, user_id, day(1)) for user_id in ("71", "72")] == [1, 1]


def test_first_day_is_sorted_by_followers_everywhere(facts: Facts) -> None:
    facts.land_page(
        Video("73", "v3", follower_count=20_000),
        Video("71", "v1", follower_count=30_000),
        Video("74", "v4", follower_count=90_000),
        Video("72", "v2", follower_count=30_000),
    )
    facts.run()
    order = ["74", "71", "72", "73"]
    assert [row["user_id"] for row in fetch(facts, "reporting/leaderboard", recorded_date=DAY, row_limit=9)] == order
    for is_descending in (True, False):
        assert [entry["user_id"] for entry in board(facts, DAY, is_descending=is_descending)] == order
    assert [growth_rank(facts, user_id, DAY) for user_id in order] == [1, 2, 3, 4]
