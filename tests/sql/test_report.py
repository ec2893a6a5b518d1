"""report/*.sql and leaderboard.sql: what people read of a run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.sql.builders import DAY, SQL_FOLDER, Facts, Row, Video, day, noon


def ask(facts: Facts, name: str, **parameters: Any) -> list[Row]:
    """The rows of a SQL file."""
    text = (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return facts.connection.execute(text, parameters).fetchall()


def count_comets(facts: Facts, run_id: str) -> dict[str, tuple[int, int]]:
    """Comets and new Comets of each hashtag of a run."""
    text = (SQL_FOLDER / "report" / "hashtags.sql").read_text(encoding="utf-8")
    cursor = facts.connection.execute(text, {"run_id": run_id, "clear_number": 0})
    names = [column.name for column in cursor.description or ()]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {row["hashtag"]: (row["comet_count"], row["new_comet_count"]) for row in rows}


def test_the_comets_of_a_run_are_its_own_fastest_first(facts: Facts) -> None:
    facts.land_page(
        Video("71", "v1", handle="a", follower_count=20_000), Video("72", "v2", handle="b", follower_count=30_000)
    )
    facts.run(DAY)
    facts.land_page(
        Video("71", "v1", handle="a", follower_count=20_500),
        Video("72", "v2", handle="b", follower_count=29_000),
        Video("73", "v3", handle=None, follower_count=90_000),
        Video("74", "v4", handle="small", follower_count=1_000),
        recorded_date=day(1),
    )
    facts.run(day(1), min_followers=1_000, max_followers=1_000)
    run_id = facts.run(day(1))
    assert ask(facts, "report/comets", run_id=run_id) == [
        ("a", 20_500, 500, "observed", False),
        ("73", 90_000, 0, "observed", True),
        ("b", 29_000, -1_000, "observed", False),
    ]


def test_a_comet_without_snapshot_shows_the_count_that_this_run_judged_by(facts: Facts) -> None:
    facts.land_page(Video(follower_count=99_000), hashtag="a")
    facts.step("filter_comets", facts.accept(hashtags=["a"]))
    facts.land_page(Video(follower_count=20_000), hashtag="b", observed_at=noon(DAY) + timedelta(hours=1))
    run_id = facts.accept(hashtags=["b"])
    facts.step("filter_comets", run_id)
    assert ask(facts, "report/comets", run_id=run_id) == [("71", 20_000, 0, None, False)]


def test_hashtags_count_the_comets_that_this_run_found_under_them(facts: Facts) -> None:
    facts.land_page(Video("71", "v1"), Video("72", "v2"), hashtag="a")
    facts.land_page(Video("71", "v3", play_count=10), Video("73", "v4"), hashtag="b")
    facts.land_page(Video("72", "v2"), hashtag="c")
    facts.run(hashtags=["a", "b", "c"], min_video_views=0)
    facts.land_page(Video("71", "v1"), recorded_date=day(1), hashtag="a")
    run_id = facts.run(hashtags=["b", "a"])
    assert count_comets(facts, run_id) == {"b": (1, 1), "a": (2, 2)}
    assert list(count_comets(facts, run_id)) == ["b", "a"]
    assert count_comets(facts, facts.run(day(1), hashtags=["a", "none"])) == {"a": (1, 0), "none": (0, 0)}


def test_the_leaderboard_names_the_fastest_first_with_all_their_hashtags(facts: Facts) -> None:
    for hashtag in ("b", "a"):
        facts.land_page(
            Video("71", "v1", handle="slow"), Video("72", "v2", handle="fast"), Video("73", "v3"), hashtag=hashtag
        )
    facts.run(hashtags=["a", "b"])
    facts.observe(20_010, day(1), user_id="71")
    facts.observe(29_999, day(1), user_id="72")
    facts.run(day(1))
    rows = ask(facts, "leaderboard", recorded_date=day(1), row_limit=10)
    assert [(row[0], row[2], row[4], row[5], row[-1]) for row in rows] == [
        (1, "fast", 29_999, 9_999, ["a", "b"]),
        (2, "slow", 20_010, 10, ["a", "b"]),
    ]
    assert len(ask(facts, "leaderboard", recorded_date=day(1), row_limit=1)) == 1
