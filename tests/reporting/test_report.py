"""The report of a run and the leaderboard: SQL and lines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from comets.database.client import Database
from comets.reporting import lines as report_lines
from comets.reporting.totals import RunTotals, store_totals
from tests.steps.builders import DAY, SQL_FOLDER, Facts, Row, Video, day, everything, noon


def fetch(facts: Facts, name: str, **parameters: Any) -> list[Row]:
    """Return the rows of a SQL file."""
    text = (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return facts.connection.execute(text, parameters).fetchall()


def fetch_dicts(facts: Facts, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of a SQL file as dictionaries."""
    text = (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    cursor = facts.connection.execute(text, parameters)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def count_comets(facts: Facts, run_id: str) -> dict[str, tuple[int, int]]:
    """Return Comets and new Comets per hashtag of a run."""
    rows = fetch_dicts(facts, "reporting/hashtags", run_id=run_id, run_attempt=0)
    return {row["hashtag"]: (row["comet_count"], row["new_comet_count"]) for row in rows}


def call(facts: Facts, run_id: str, hashtag: str | None, *, is_billed: bool | None = True, **columns: Any) -> None:
    """Record a TikHub call of a run."""
    row = {
        "run_id": run_id,
        "run_attempt": 0,
        "route": "route",
        "hashtag": hashtag,
        "is_billed": is_billed,
        "reserved_at": noon(DAY),
        **columns,
    }
    facts.connection.execute(
        f"insert into comet_calls ({', '.join(row)}) values ({', '.join(['%s'] * len(row))})".encode(),
        list(row.values()),
    )


@pytest.fixture
def costly_run(facts: Facts) -> str:
    """A run of three hashtags: `a` finds two Comets, `b` one of them again, `c` none."""
    facts.land_page(Video("71", "v1", is_tagged=True), Video("72", "v2"), hashtag="a")
    facts.land_page(Video("71", "v1", is_tagged=False), Video("73", "v3", is_tagged=False, play_count=1), hashtag="a")
    facts.land_page(Video("71", "v1", is_tagged=False), hashtag="b")
    facts.land_page(hashtag="c")
    run_id = facts.run(hashtags=["a", "b", "c"])
    for is_billed in (True, True, None):
        call(facts, run_id, "a", is_billed=is_billed)
    call(facts, run_id, "a", user_id="74")
    call(facts, run_id, "b")
    call(facts, run_id, "c", is_billed=False)
    for is_billed in (True, False):
        call(facts, run_id, None, user_id="71", is_billed=is_billed)
    call(facts, "another run", "a")
    return run_id


def test_run_lists_only_its_own_comets_fastest_first(facts: Facts) -> None:
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
    assert fetch(facts, "reporting/comets", run_id=run_id) == [
        ("73", 90_000, None, "observed", True),
        ("a", 20_500, 500, "observed", False),
        ("b", 29_000, -1_000, "observed", False),
    ]


def test_new_comets_come_first_in_the_log_and_first_readings_are_marked(facts: Facts) -> None:
    facts.land_page(Video("71", "v1", handle="slow"), Video("72", "v2", handle="fast"))
    facts.run(DAY)
    facts.land_page(
        Video("71", "v1", handle="slow", follower_count=19_990),
        Video("72", "v2", handle="fast", follower_count=21_250),
        Video("73", "v3", handle="found", follower_count=15_000),
        recorded_date=day(1),
    )

    def log_lines(run_id: str) -> list[str]:
        rows = fetch_dicts(facts, "reporting/comets", run_id=run_id)
        return [report_lines.comet_line(row).removeprefix("Discovered Comet: ") for row in rows]

    known = ["@fast (21,250 followers, +1,250)", "@slow (19,990 followers, -10)"]
    assert log_lines(facts.run(day(1))) == ["@found (15,000 followers, new)", *known]
    assert log_lines(facts.run(day(1))) == [*known, "@found (15,000 followers, first reading)"]


def test_comet_without_snapshot_shows_the_count_that_qualified_it(facts: Facts) -> None:
    facts.land_page(Video(follower_count=99_000), hashtag="a")
    facts.step("filter_comets", facts.accept(hashtags=["a"]))
    facts.land_page(Video(follower_count=20_000), hashtag="b", observed_at=noon(DAY) + timedelta(hours=1))
    run_id = facts.accept(hashtags=["b"])
    facts.step("filter_comets", run_id)
    assert fetch(facts, "reporting/comets", run_id=run_id) == [("71", 20_000, None, None, False)]


def test_hashtags_count_the_comets_found_by_this_run(facts: Facts) -> None:
    facts.land_page(Video("71", "v1"), Video("72", "v2"), hashtag="a")
    facts.land_page(Video("71", "v3", play_count=10), Video("73", "v4"), hashtag="b")
    facts.land_page(Video("72", "v2"), hashtag="c")
    facts.run(hashtags=["a", "b", "c"], min_video_views=0)
    facts.land_page(Video("71", "v1"), recorded_date=day(1), hashtag="a")
    run_id = facts.run(hashtags=["b", "a"])
    assert count_comets(facts, run_id) == {"b": (1, 0), "a": (2, 0)}
    assert list(count_comets(facts, run_id)) == ["b", "a"]
    assert count_comets(facts, facts.run(day(1), hashtags=["a", "none"])) == {"a": (1, 0), "none": (0, 0)}


def test_hashtag_table_shows_results_and_cost(facts: Facts, costly_run: str) -> None:
    rows = fetch_dicts(facts, "reporting/hashtags", run_id=costly_run, run_attempt=0)
    assert not any(row["is_stopped"] for row in rows)
    table = list(report_lines.hashtag_lines([{**row, "outcome": "exhausted"} for row in rows], price_usd=0.002))
    assert [" ".join(line.split()) for line in table[:-1]] == [
        "hashtag outcome received landed rejected videos tagged Comets new calls billed USD",
        "a exhausted 4 4 0 3 1 2 2 4 3 0.0060",
        "b exhausted 1 1 0 1 0 1 1 1 1 0.0020",
        "c exhausted 0 0 0 0 0 0 0 1 0 0.0000",
    ]
    assert max(map(len, table)) <= 120


def test_repeated_search_counts_its_last_attempt_only(facts: Facts) -> None:
    facts.land_page(Video("71", "v1", is_tagged=True), Video("72", "v2", is_tagged=True), attempt_number=1)
    facts.connection.execute("update comet_searches set attempt_number = 2")
    facts.land_page(Video("71", "v1", is_tagged=True), attempt_number=2)
    [row] = fetch_dicts(facts, "reporting/hashtags", run_id=facts.run(), run_attempt=0)
    assert (row["received_count"], row["video_count"], row["tagged_count"]) == (1, 1, 1)


def test_total_includes_the_roll_call_and_the_cost_per_new_comet(facts: Facts, costly_run: str) -> None:
    [calls] = fetch_dicts(facts, "reporting/calls", run_id=costly_run)
    assert calls == {"call_count": 8, "billed_count": 5, "unknown_count": 1, "profile_call_count": 3}
    assert list(report_lines.cost_lines(calls, 2, price_usd=0.001)) == [
        "TikHub calls: 8 made (3 for profiles), 5 billed, 1 with unknown billing, about 0.0050 USD",
        "Cost per new Comet: 0.0025 USD (2 new)",
    ]
    assert list(report_lines.cost_lines(calls, 0, price_usd=0.001))[1:] == [
        "Cost per new Comet: none, no new Comets in this run"
    ]


def test_each_stop_reason_is_reported_once(facts: Facts) -> None:
    run_id = facts.accept(hashtags=["a", "b", "c"])
    refused: dict[str, Any] = {
        "error_type": "TikHubBalanceError",
        "status_code": 402,
        "error": "a long text",
        "is_billed": False,
    }
    for hashtag in ("a", "b"):
        call(facts, run_id, hashtag, **refused)
    call(facts, run_id, "c", error_type="TikHubTransientError", status_code=500, error="away", is_billed=False)
    call(facts, run_id, "c", **{**refused, "run_attempt": 1})
    skipped_calls = [
        (run_id, 0, "a", "budget"),
        (run_id, 0, None, "budget"),
        (run_id, 0, "b", "TikHubBalanceError"),
        (run_id, 1, "c", "budget"),
        ("another run", 0, "c", "budget"),
    ]
    for skipped_call in skipped_calls:
        facts.connection.execute("insert into comet_skipped_calls values (%s, %s, %s, %s)", skipped_call)
    for check_name, is_failed in (("followers", True), ("fields", False)):
        facts.connection.execute(
            "insert into comet_quality_checks (run_id, check_name, is_failed, message) values (%s, %s, %s, %s)",
            [run_id, check_name, is_failed, f"The check {check_name} failed."],
        )
    stops = fetch_dicts(facts, "reporting/stops", run_id=run_id, run_attempt=0)
    lines = [report_lines.stop_line(stop, budget=1_500) for stop in stops]
    assert [line[:60] for line in lines] == [
        "Stopped: TikHub refused a call for lack of balance (HTTP 402",
        "Stopped: The run's budget of 1,500 TikHub calls is spent: cl",
        "Stopped: The check followers failed.",
    ]
    rows = fetch_dicts(facts, "reporting/hashtags", run_id=run_id, run_attempt=0)
    failure = report_lines.failure_text({"recorded_date": DAY}, rows, ["check_search"], stops)
    stopped = "stopped, see the line Stopped in the report's log"
    assert f"3 hashtags failed: #a ({stopped}); #b ({stopped}); #c (" in failure
    assert "Nothing of this run is published; what was published before stays." in failure
    assert "Everything else is stored." in report_lines.failure_text({"recorded_date": DAY}, rows, [], stops[:2])
    assert [row["is_stopped"] for row in rows] == [True, True, False]
    assert fetch_dicts(facts, "reporting/stops", run_id="healed", run_attempt=0) == []


def store(facts: Facts, run_id: str, stop_reasons: list[str] | None = None) -> None:
    """Store the totals of a run."""
    comets, hashtags, calls = (
        fetch_dicts(facts, f"reporting/{name}", run_id=run_id, run_attempt=0)
        for name in ("comets", "hashtags", "calls")
    )
    store_totals(Database(facts.connection), RunTotals(run_id, comets, hashtags, calls[0], stop_reasons or []))  # type: ignore[arg-type]


def test_totals_of_a_later_report_replace_the_stored_ones(facts: Facts, costly_run: str) -> None:
    store(facts, costly_run)
    ((report,),) = facts.rows("select report from comet_runs where run_id = %s", costly_run)
    results = facts.rows(
        """
        select
            hashtag,
            array[
                video_count, tagged_count, new_comet_count, new_tagged_comet_count, call_count, billed_count
            ]
        from comet_hashtag_results
        where run_id = %s
        """,
        costly_run,
    )
    assert report == {
        "received_count": 5,
        "landed_count": 5,
        "rejected_count": 0,
        # Both hashtags found one of them.
        "comet_count": 2,
        "new_comet_count": 2,
        "call_count": 8,
        "billed_count": 5,
        "stop_reasons": [],
    }
    # videos, tagged, new Comets, tagged new Comets, calls, billed
    assert dict(results) == {"a": [3, 1, 2, 1, 4, 3], "b": [1, 0, 1, 0, 1, 1], "c": [0, 0, 0, 0, 1, 0]}
    before = everything(facts.connection)
    store(facts, costly_run)
    assert everything(facts.connection) == before

    call(facts, costly_run, "b")
    facts.connection.execute("update comet_runs set hashtags = '{a,b}'")
    store(facts, costly_run, ["The budget is spent."])
    assert facts.rows("select report -> 'call_count', report -> 'stop_reasons' from comet_runs") == [
        (9, ["The budget is spent."])
    ]
    assert facts.rows("select hashtag from comet_hashtag_results order by hashtag") == [("a",), ("b",)]


def test_leaderboard_lists_the_fastest_first_with_all_their_hashtags(facts: Facts) -> None:
    for hashtag in ("b", "a"):
        facts.land_page(
            Video("71", "v1", handle="slow"), Video("72", "v2", handle="fast"), Video("73", "v3"), hashtag=hashtag
        )
    facts.run(hashtags=["a", "b"])
    facts.observe(20_010, day(1), user_id="71")
    facts.observe(29_999, day(1), user_id="72")
    facts.run(day(1))
    rows = fetch(facts, "reporting/leaderboard", recorded_date=day(1), row_limit=10)
    assert [(row[0], row[2], row[4], row[6], row[-1]) for row in rows[:2]] == [
        (1, "fast", 29_999, 9_999, ["a", "b"]),
        (2, "slow", 20_010, 10, ["a", "b"]),
    ]
    assert len(fetch(facts, "reporting/leaderboard", recorded_date=day(1), row_limit=1)) == 1
