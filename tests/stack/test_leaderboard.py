"""The leaderboard in a terminal: aligned, harmless, and honest about what was not observed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include.stack.environment import Environment, resolve
from include.stack.leaderboard import LEADERBOARD_TEXT, leaderboard_cells, show_leaderboard
from include.stack.tables import format_table
from tests.sql.builders import Facts, Video, day

ROW: dict[str, Any] = {
    "place": 1,
    "handle": "ada",
    "follower_count": 12_345_678,
    "daily_growth_followers": -5,
    "gap_days": 1,
    "basis": "observed",
    "growth_percent": -0.1,
    "is_estimated": False,
    "hashtags": ["one", "日本"],
}


@pytest.fixture
def facts(database_url: str) -> Iterator[Facts]:
    """Lands facts in a creators' database of this test's own."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield Facts(connection)


@pytest.fixture
def environment(database_url: str, state: dict[str, str], tmp_path: Path) -> Environment:
    """The environment of somebody who has named that database."""
    return resolve({**state, "DATABASE_URL": database_url}, tmp_path)


def test_the_leaderboard_is_aligned_and_harmless_to_a_terminal() -> None:
    evil = {**ROW, "handle": "evil\x1b[2Jname"}
    unknown = {**ROW, "place": 10, "handle": None, "growth_percent": None, "daily_growth_followers": 0}
    first, second = format_table([leaderboard_cells(evil), leaderboard_cells(unknown)], LEADERBOARD_TEXT)
    assert "\x1b" not in first
    assert first.split() == ["1", "@evil\ufffd[2Jname", "12,345,678", "-5", "-0.10", "#one", "#日本"]
    assert second.split() == ["10", "-", "12,345,678", "+0", "-", "#one", "#日本"]
    assert first.index("12,345,678") == second.index("12,345,678")


def test_marked_numbers_end_where_the_others_end() -> None:
    marked = {**ROW, "follower_count": 900, "is_estimated": True}
    nothing_known = {**ROW, "follower_count": None, "daily_growth_followers": None, "growth_percent": None}
    lines = format_table([leaderboard_cells(row) for row in (ROW, marked, nothing_known)], LEADERBOARD_TEXT)
    assert lines[1].split()[2:5] == ["~900", "~-5", "~-0.10"]
    assert lines[2].split()[2:6] == ["-", "first", "reading", "-"]
    assert lines[0].index(" #one") == lines[1].index(" #one") == lines[2].index(" #one")
    assert lines[0].index("12,345,678") + len("12,345,678") == lines[1].index("~900") + len("~900")


def test_a_first_reading_is_called_so_and_has_no_percent() -> None:
    nothing = {"daily_growth_followers": None, "growth_percent": None}
    assert leaderboard_cells({**ROW, **nothing})[2:5] == ("12,345,678", "first reading", "-")
    assert leaderboard_cells({**ROW, **nothing, "is_estimated": True})[3:5] == ("-", "-")


def test_a_missed_day_is_marked_explained_and_shown(
    facts: Facts, environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    facts.land_page(Video(follower_count=20_000))
    facts.run(day(0))
    facts.observe(20_300, day(3))
    facts.run(day(3))
    facts.run(day(2))
    show_leaderboard(environment, day(3), 10)
    lines = capsys.readouterr().out.splitlines()
    # Growth over three days is measured.
    assert [line.split() for line in lines[2:3]] == [["1", "@ada", "20,300", "+100", "+0.50", "#cozygaming"]]
    assert lines[4:6] == ["The fastest of them, day by day: @ada", "  date        followers     growth/day  known by"]
    assert [line.split() for line in lines[6:9]] == [
        ["2026-03-01", "20,000", "first", "reading", "measured"],
        ["2026-03-03", "~20,200", "~+100", "estimated"],
        ["2026-03-04", "20,300", "+100", "measured"],
    ]
    assert lines[9].startswith("  ~ rests on an estimate: ")


def test_without_estimates_there_is_no_legend(
    facts: Facts, environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    facts.land_page(Video(follower_count=20_000))
    facts.run(day(0))
    show_leaderboard(environment, day(0), 10)
    alone = capsys.readouterr().out
    facts.observe(20_300, day(1))
    facts.run(day(1))
    show_leaderboard(environment, day(1), 10)
    assert "~" not in capsys.readouterr().out + alone
    assert "day by day" not in alone


def test_a_date_without_snapshots_says_so(environment: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    show_leaderboard(environment, day(0), 10)
    assert capsys.readouterr().out == "No Comets on 2026-03-01.\n"
