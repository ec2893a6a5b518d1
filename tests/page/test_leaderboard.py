"""The leaderboard: filters, order, pages and exports."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from comets.page.leaderboard import COLUMNS
from tests.page.conftest import Site, url_of
from tests.page.reading import entries, follow, read, rows
from tests.page.table_rows import TODAY
from tests.page.world import CROWD
from tests.steps.builders import Row

FIELDS = {
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


def user_ids(site: Site, query: str) -> list[str]:
    """Return the ids of the creators that a query lists."""
    return [row["user_id"] for row in rows(site, f"leaderboard.csv?size=100&{query}")]


def test_fastest_comet_of_the_latest_date_comes_first(site: Site) -> None:
    page = read(site)
    assert page.rows[1][:5] == ["1", "@ada.plays Ada plays", "45,230", "+5,230", "+11.56%"]
    assert "65 creators on 2026-03-10" in page.text
    assert len(page.rows) == 1 + 50


def test_fastest_creator_of_the_previous_date_is_explained(site: Site) -> None:
    answer = site.get(read(site).link("Fastest creator on 2026-03-09").removeprefix("/comets/"))
    assert answer.status_code == 303
    creator = follow(site, answer.headers["Location"])
    assert "#1 of 66 Comets" in creator.text
    assert "Score breakdown" in creator.text
    assert "Watch on TikTok" in creator.text


def test_neighbouring_days_are_one_click_away(site: Site) -> None:
    earlier = follow(site, read(site).link("Previous day, 2026-03-09"))
    assert "66 creators on 2026-03-09" in earlier.text
    assert "Previous day" not in earlier.text
    latest = follow(site, earlier.link("Next day, 2026-03-10"))
    assert "65 creators on 2026-03-10" in latest.text


def test_new_estimated_and_low_confidence_are_marked(site: Site) -> None:
    page = read(site)
    cells = {row[1].split()[0]: row for row in page.rows[1:]}
    assert cells["@dee"][1].split()[1] == "new"
    assert cells["@bo"][3:5] == ["~+1,000", "~+4.76%"]
    assert cells["@ada.plays"][12] == "81.5"
    assert cells["@bo"][12] == "?42.0"
    assert "Estimated: based on a count that was not measured" in page.text


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_each_column_sorts_both_ways_with_unknown_values_last(site: Site, order: str) -> None:
    sign = -1 if order == "desc" else 1

    def place(entry: dict[str, Any], name: str) -> tuple[bool, float, int, str]:
        value = entry[name]
        rank = 0 if value is None else sign * float(value)
        return value is None, rank, -entry["follower_count"], str(entry["user_id"])

    assert set(FIELDS) == set(COLUMNS)
    for key, name in FIELDS.items():
        found = entries(site, f"leaderboard.json?size=200&band=all&sort={key}&order={order}")
        assert found == sorted(found, key=lambda entry, name=name: place(entry, name)), key  # type: ignore[misc]
        assert [entry["place"] for entry in found] == list(range(1, 8 + CROWD))


def test_first_reading_shows_a_dash(site: Site) -> None:
    page = read(site, "?band=10k-25k&sort=growth&order=asc")
    assert page.rows[-1][1:5] == ["106", "11,000", "–", "–"]


def test_heading_sorts_and_then_reverses(site: Site) -> None:
    sorted_down = follow(site, read(site).link("Score"))
    assert [attributes["aria-sort"] for _, attributes in sorted_down.elements if "aria-sort" in attributes] == [
        "descending"
    ]
    assert sorted_down.rows[1][1].startswith("@ada")
    sorted_up = follow(site, sorted_down.link("Score"))
    assert "ascending" in [attributes.get("aria-sort") for _, attributes in sorted_up.elements]


def test_band_filters_by_followers(site: Site) -> None:
    bands = {"10k-25k": {"102", "104", "106"}, "50k-100k": {"103"}, "below": {"107"}, "above": {"105"}}
    assert {band: set(user_ids(site, f"band={band}")) for band in bands} == bands
    assert set(user_ids(site, "")) == {"101", "102", "103", "104", "106"} | {str(1000 + i) for i in range(CROWD)}
    # It has exactly 100,000 followers on that date.
    assert "105" in user_ids(site, "band=comets&date=2026-03-09")


def test_search_is_literal(site: Site) -> None:
    searches = {
        "ADA": ["101"],
        "@ada": ["101"],
        "eve_100%25": ["105"],
        "%25": ["105"],
        "_": ["105"],
        "crowd 59": ["1059"],
        "CROWD59": ["1059"],
        "<script": ["103"],
        "no such name": [],
    }
    assert {search: user_ids(site, f"band=all&search={search}") for search in searches} == searches


def test_hashtag_filters_by_discoveries_up_to_the_date(site: Site) -> None:
    assert sorted(user_ids(site, "band=all&hashtag=%23CozyGaming")) == ["101", "102", "103", "104", "105", "106"]
    assert sorted(user_ids(site, "band=all&hashtag=قهوة")) == ["101", "102", "103", "104"]
    assert user_ids(site, "band=all&hashtag=other") == []


def test_pages_hold_every_creator_once(site: Site) -> None:
    found = [
        row["user_id"] for page in (1, 2, 3) for row in rows(site, f"leaderboard.csv?band=all&size=25&page={page}")
    ]
    assert len(found) == len(set(found)) == 67
    assert found[-1] == "106"  # growth unknown
    second = follow(site, read(site).link("Next"))
    assert second.rows[1][0] == "51"
    assert "Page 2 of 2" in second.text
    assert "Page 2 of 2" in read(site, "?page=999").text


def test_export_has_the_displayed_rows_and_score_parts(site: Site) -> None:
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


def test_date_without_scores_links_to_one_with(site: Site) -> None:
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
def test_invalid_parameter_is_named(site: Site, query: str, named: str) -> None:
    for path in ("", "leaderboard.csv"):
        answer = site.get(f"{path}?{query}")
        assert answer.status_code == 422
        assert re.search(rf"The parameter {named} can(&#39;|\\u0027)t be", answer.text)
        assert len(answer.text) < 5_000


def test_empty_and_unknown_parameters_are_ignored(site: Site) -> None:
    plain = read(site).rows
    assert read(site, "?date=&hashtag=&search=&band=&page=&size=&utm_source=x").rows == plain


def test_filter_lists_few_of_many_hashtags(
    connect_to: Callable[[str], Site], database: psycopg.Connection[Row]
) -> None:
    database.execute(
        "update comet_runs set hashtags = array(select run_id || number from generate_series(1, 2000) as number)"
    )
    page = read(connect_to(url_of(database)))
    options = [attributes["value"] for tag, attributes in page.elements if tag == "option"]
    assert len([value for value in options if value and value.startswith(("manual", "scheduled"))]) == 200


def test_creator_found_very_often_is_listed_with_the_newest_hashtags(
    connect_to: Callable[[str], Site], database: psycopg.Connection[Row]
) -> None:
    database.execute(
        "insert into comet_discoveries select %s, '101', 'v' || number, 'topic' || number, 40000, 60000, 100000, now() "
        "from generate_series(1, 3000) as number",
        [TODAY],
    )
    site = connect_to(url_of(database))
    ada = next(entry for entry in entries(site, "leaderboard.json") if entry["user_id"] == "101")
    assert len(ada["hashtags"]) == 100
    creator = read(site, "creators/101")
    assert len([row for row in creator.rows if row and row[0].startswith("#topic")]) <= 200
