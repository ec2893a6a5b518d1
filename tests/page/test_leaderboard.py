"""The leaderboard shows who is asked for, in the order that is asked for."""

from __future__ import annotations

import re
from typing import Any

import pytest

from comets.page.leaderboard import COLUMNS
from tests.page.conftest import Site
from tests.page.reading import entries, follow, read, rows
from tests.page.world import CROWD

FIGURES = {
    "followers": "follower_count",
    "growth": "daily_growth_followers",
    "rate": "growth_rate",
    "growth_1d": "growth_1d_rate",
    "growth_7d": "growth_7d_rate",
    "growth_30d": "growth_30d_rate",
    "acceleration": "acceleration",
    "engagement": "engagement_rate",
    "reach": "view_follower_ratio",
    "breakout": "breakout_ratio",
    "score": "score",
}


def handles(site: Site, query: str) -> list[str]:
    """Whom a query shows."""
    return [row["user_id"] for row in rows(site, f"leaderboard.csv?size=100&{query}")]


def test_the_fastest_comet_of_the_latest_date_comes_first(site: Site) -> None:
    page = read(site)
    assert page.rows[1][:5] == ["1", "@ada.plays Ada plays", "45,230", "+5,230", "+11.56%"]
    assert "65 creators on 2026-03-10" in page.text
    assert len(page.rows) == 1 + 50


def test_it_is_found_in_three_steps_with_why_and_the_proof(site: Site) -> None:
    answer = site.get(read(site).link("Fastest of 2026-03-09").removeprefix("/comets/"))
    assert answer.status_code == 303
    creator = follow(site, answer.headers["Location"])
    assert "No. 1 of 66 Comets" in creator.text
    assert "Why it ranks there" in creator.text
    assert "Watch at TikTok" in creator.text


def test_the_days_beside_are_one_step_away(site: Site) -> None:
    earlier = follow(site, read(site).link("Previous day, 2026-03-09"))
    assert "66 creators on 2026-03-09" in earlier.text
    assert "Previous day" not in earlier.text
    latest = follow(site, earlier.link("Next day, 2026-03-10"))
    assert "65 creators on 2026-03-10" in latest.text


def test_new_and_uncertain_figures_are_marked(site: Site) -> None:
    page = read(site)
    cells = {row[1].split()[0]: row for row in page.rows[1:]}
    assert cells["@dee"][1].split()[1] == "new"
    assert cells["@bo"][3:5] == ["~+1,000", "~+4.76%"]
    assert cells["@ada.plays"][12] == "81.5"
    assert cells["@bo"][12] == "?42.0"
    assert "estimated: a count behind the figure was not measured" in page.text


@pytest.mark.parametrize("key", COLUMNS)
@pytest.mark.parametrize("order", ["desc", "asc"])
def test_each_column_sorts_both_ways_with_unknown_ones_last(site: Site, key: str, order: str) -> None:
    found = entries(site, f"leaderboard.json?size=200&band=all&sort={key}&order={order}")
    assert len(found) == 7 + CROWD
    sign = -1 if order == "desc" else 1

    def place(entry: dict[str, Any]) -> tuple[bool, float, int, str]:
        value = entry[FIGURES[key]]
        rank = 0 if value is None else sign * float(value)
        return value is None, rank, -entry["follower_count"], str(entry["user_id"])

    assert found == sorted(found, key=place)
    assert [entry["place"] for entry in found] == list(range(1, 8 + CROWD))


@pytest.mark.parametrize("key", ["growth", "rate"])
@pytest.mark.parametrize("order", ["desc", "asc"])
def test_a_first_reading_is_a_dash_and_sorts_last_in_both_directions(site: Site, key: str, order: str) -> None:
    page = read(site, f"?band=10k-25k&sort={key}&order={order}")
    assert page.rows[-1][1:5] == ["106", "11,000", "–", "–"]


def test_a_heading_sorts_and_then_turns_the_order_around(site: Site) -> None:
    sorted_down = follow(site, read(site).link("Score"))
    assert [attributes["aria-sort"] for _, attributes in sorted_down.elements if "aria-sort" in attributes] == [
        "descending"
    ]
    assert sorted_down.rows[1][1].startswith("@ada")
    sorted_up = follow(site, sorted_down.link("Score"))
    assert "ascending" in [attributes.get("aria-sort") for _, attributes in sorted_up.elements]


@pytest.mark.parametrize(
    ("band", "found"),
    [
        ("10k-25k", {"102", "104", "106"}),
        ("50k-100k", {"103"}),
        ("below", {"107"}),
        ("above", {"105"}),
    ],
)
def test_a_band_holds_those_between_its_ends(site: Site, band: str, found: set[str]) -> None:
    assert set(handles(site, f"band={band}")) == found


def test_both_ends_of_the_default_band_count(site: Site) -> None:
    assert set(handles(site, "")) == {"101", "102", "103", "104", "106"} | {str(1000 + i) for i in range(CROWD)}
    assert "105" in handles(site, "band=comets&date=2026-03-09")


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ADA", ["101"]),
        ("@ada", ["101"]),
        ("eve_100%25", ["105"]),
        ("%25", ["105"]),
        ("_", ["105"]),
        ("crowd 59", ["1059"]),
        ("<script", ["103"]),
        ("nobody at all", []),
    ],
)
def test_a_search_takes_its_words_as_they_are(site: Site, search: str, found: list[str]) -> None:
    assert handles(site, f"band=all&search={search}") == found


def test_a_hashtag_shows_whom_it_has_found_by_that_date(site: Site) -> None:
    assert sorted(handles(site, "band=all&hashtag=%23CozyGaming")) == ["101", "102", "103", "104", "105", "106"]
    assert sorted(handles(site, "band=all&hashtag=قهوة")) == ["101", "102", "103", "104"]
    assert handles(site, "band=all&hashtag=other") == []


def test_pages_hold_everybody_once(site: Site) -> None:
    found = [
        row["user_id"] for page in (1, 2, 3) for row in rows(site, f"leaderboard.csv?band=all&size=25&page={page}")
    ]
    assert len(found) == 67
    assert len(set(found)) == 67
    second = follow(site, read(site).link("Next"))
    assert second.rows[1][0] == "51"
    assert "Page 2 of 2" in second.text


def test_a_page_after_the_last_one_is_the_last_one(site: Site) -> None:
    assert "Page 2 of 2" in read(site, "?page=999").text


def test_the_export_has_what_is_on_screen_and_the_parts_of_each_score(site: Site) -> None:
    link = read(site, "?size=25&page=2&sort=score&band=all").link("CSV")
    exported = rows(site, link.removeprefix("/comets/"))
    assert [row["place"] for row in exported] == [str(place) for place in range(26, 51)]
    ada = rows(site, "leaderboard.csv")[0]
    assert ada["growth_percentile"] == "0.9"
    assert ada["growth_weight"] == "0.35"
    assert ada["growth_sample_count"] == "8"
    assert float(ada["score"]) == 81.5
    assert ada["score_version"] == "1"
    answer = site.get("leaderboard.json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="comets-2026-03-10.json"'
    first = answer.json()["rows"][0]
    assert first["parts"]["breakout"]["value"] == 5.5
    assert set(first["parts"]) == {"growth", "acceleration", "engagement", "reach", "breakout"}


def test_a_date_without_scores_says_so_and_where_there_are_some(site: Site) -> None:
    page = read(site, "?date=2026-04-01")
    assert "No run has scored 2026-04-01" in page.text
    assert "Previous day, 2026-03-10" in page.text


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("date=abc", "date"),
        ("date=2026-02-30", "date"),
        ("page=-1", "page"),
        ("page=0", "page"),
        ("page=1.5", "page"),
        ("page=99999999999999999999", "page"),
        ("size=51", "size"),
        ("sort=user_id", "sort"),
        ("order=sideways", "order"),
        ("band=giants", "band"),
        ("hashtag=%23", "hashtag"),
        (f"search={'x' * 10_000}", "search"),
    ],
)
def test_a_wrong_parameter_is_named(site: Site, query: str, named: str) -> None:
    for path in ("", "leaderboard.csv"):
        answer = site.get(f"{path}?{query}")
        assert answer.status_code == 422
        assert re.search(rf"The parameter {named} can(&#39;|\\u0027)t be", answer.text)
        assert len(answer.text) < 5_000


def test_empty_and_unknown_parameters_are_as_good_as_none(site: Site) -> None:
    plain = read(site).rows
    assert read(site, "?date=&hashtag=&search=&band=&page=&size=&utm_source=x").rows == plain
