"""The leaderboard in a terminal: scores, new Comets, links and confidence marks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from include.stack.environment import Environment, resolve
from include.stack.leaderboard import cells, print_leaderboard
from tests.steps.builders import Facts, Video, day

ROW = {
    "place": 1,
    "user_id": "71",
    "handle": "ada",
    "is_new": False,
    "follower_count": 45_230,
    "daily_growth_followers": -5,
    "growth_percent": -0.1,
    "is_estimated": False,
    "score": 81.46,
    "is_low_confidence": False,
    "hashtags": ["one", "日本"],
}


@pytest.fixture
def facts(database_url: str) -> Iterator[Facts]:
    """Facts in this test's creators' database."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield Facts(connection)


@pytest.fixture
def environment(database_url: str, state: dict[str, str], tmp_path: Path) -> Environment:
    """The environment with this test's database."""
    return resolve({**state, "DATABASE_URL": database_url}, tmp_path)


def test_row_has_link_units_and_marks() -> None:
    assert cells(ROW) == ("1", "", "https://www.tiktok.com/@ada", "45,230", "-5", "-0.10 %", "81.5", "#one #日本")
    doubtful = {**ROW, "is_new": True, "is_estimated": True, "is_low_confidence": True}
    assert cells(doubtful)[1:7] == ("new", "https://www.tiktok.com/@ada", "~45,230", "~-5", "~-0.10 %", "?81.5")


def test_unknown_values_are_dashes_and_handles_are_printable() -> None:
    unknown = {**ROW, "handle": None, "daily_growth_followers": None, "growth_percent": None, "score": None}
    assert cells(unknown)[2:7] == ("71", "45,230", "–", "–", "–")
    assert "\x1b" not in cells({**ROW, "handle": "evil\x1b[2Jname"})[2]


def test_leaderboard_fits_100_columns_and_explains_its_marks(
    facts: Facts, environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    facts.land_page(Video(handle="a.handle.of.24.characters", follower_count=20_000))
    facts.run(day(0))
    facts.observe(20_300, day(3))
    facts.run(day(3))
    print_leaderboard(environment, day(3), 10)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    (row,) = [line.split() for line in lines if "tiktok.com" in line]
    assert row[:5] == ["1", "https://www.tiktok.com/@a.handle.of.24.characters", "20,300", "+100", "+0.50"]
    assert "? low confidence: the score is based on few days or videos" in lines


def test_new_comets_follow_the_fastest_growing(
    facts: Facts, environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    known = [Video(str(number), f"v{number}", handle=f"known{number}") for number in range(4)]
    facts.land_page(*known)
    facts.run(day(0))
    for number in range(4):
        facts.observe(21_000 - number, day(1), user_id=str(number))
    new = [Video(f"9{number}", f"w{number}", handle=f"new{number}") for number in range(2)]
    facts.land_page(*known, *new, recorded_date=day(1))
    facts.run(day(1))
    print_leaderboard(environment, day(1), 3)
    rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines() if "tiktok.com" in line]
    assert [row[0] for row in rows] == ["1", "2", "3", "5"]
    assert rows[3][1:] == ["new", "https://www.tiktok.com/@new0"]


def test_date_without_comets_is_reported(environment: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    print_leaderboard(environment, day(0), 10)
    assert capsys.readouterr().out == "No Comets on 2026-03-01.\n"
