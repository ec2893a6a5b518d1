"""Hashtag performance: counts, cost and order."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests.page.conftest import Site, url_of
from tests.page.reading import entries, follow, read, rows
from tests.page.table_rows import TODAY
from tests.steps.builders import Row


def test_videos_count_per_date_comets_once_and_new_comets_and_calls_per_run(site: Site) -> None:
    cozy = next(entry for entry in entries(site, "hashtags.json") if entry["hashtag"] == "cozygaming")
    assert cozy["run_count"] == 3
    assert cozy["date_count"] == 2
    assert cozy["video_count"] == 12
    assert cozy["tagged_count"] == 3 + 5
    assert cozy["precision_rate"] == pytest.approx(8 / 12)
    assert cozy["comet_count"] == 6
    assert cozy["new_comet_count"] == 2 + 2 + 3
    assert cozy["billed_count"] == 2 + 2 + 4
    assert cozy["new_comets_per_call"] == pytest.approx(7 / 8)
    assert cozy["new_tagged_comets_per_call"] == pytest.approx((1 + 1 + 1) / 8)
    assert cozy["cost_usd"] == pytest.approx(0.008)
    assert cozy["cost_per_new_comet_usd"] == pytest.approx(0.008 / 7)


def test_cost_per_new_comet_is_unknown_without_new_comets(site: Site) -> None:
    page = read(site, "hashtags?sort=cost&order=asc")
    assert [row[0] for row in page.rows[1:]] == ["#cozygaming", "#gymtok few tagged videos", "#قهوة"]
    assert page.rows[3][9] == "–"


def test_hashtag_with_few_tagged_videos_is_marked(site: Site) -> None:
    marked = [row[0] for row in read(site, "hashtags").rows if "few tagged videos" in row[0]]
    assert marked == ["#gymtok few tagged videos"]


def test_trend_compares_the_halves_of_the_period(site: Site) -> None:
    page = read(site, "hashtags?days=2")
    cozy = next(row for row in page.rows if row[0] == "#cozygaming")
    assert cozy[10] == "+3 (2 → 5)"
    bars = [(attributes["d"] or "").count("M") for tag, attributes in page.elements if tag == "path"]
    assert bars == [2, 2, 2]
    labels = [attributes["aria-label"] for tag, attributes in page.elements if tag == "svg"]
    assert "New Comets per day: maximum 5, runs on 2 of 2 days" in labels


@pytest.mark.parametrize(
    ("sort", "order", "found"),
    [
        ("hashtag", "asc", ["cozygaming", "gymtok", "قهوة"]),
        ("hashtag", "desc", ["قهوة", "gymtok", "cozygaming"]),
        ("precision", "desc", ["قهوة", "cozygaming", "gymtok"]),
        ("new", "desc", ["cozygaming", "gymtok", "قهوة"]),
    ],
)
def test_list_sorts_by_any_column(site: Site, sort: str, order: str, found: list[str]) -> None:
    assert [row["hashtag"] for row in rows(site, f"hashtags.csv?sort={sort}&order={order}")] == found


@pytest.mark.parametrize("query", ["days=1", "days=367", "days=x", "sort=run_id", "order=1"])
def test_invalid_parameter_is_named(site: Site, query: str) -> None:
    answer = site.get(f"hashtags?{query}")
    assert answer.status_code == 422
    assert f"The parameter {query.partition('=')[0]} " in answer.text


def test_long_list_has_pages_in_one_order(connect_to: Callable[[str], Site], database: psycopg.Connection[Row]) -> None:
    database.execute(
        "insert into comet_hashtag_days select %s, 'topic' || number, 1, 6, 3, number %% 7, 0, 5, 4 "
        "from generate_series(1, 2000) as number",
        [TODAY],
    )
    site = connect_to(url_of(database))
    first = read(site, "hashtags?size=200&sort=new")
    assert "2,003 hashtags" in first.text
    assert len(first.rows) == 1 + 200
    pages = [entries(site, f"hashtags.json?size=200&sort=new&page={number}") for number in range(1, 12)]
    found = [entry for page in pages for entry in page]
    assert len({entry["hashtag"] for entry in found}) == 2003
    assert [-entry["new_comet_count"] for entry in found] == sorted(-entry["new_comet_count"] for entry in found)
    assert [row[0] for row in follow(site, first.link("Next")).rows[1:]] == [
        f"#{entry['hashtag']}" for entry in pages[1]
    ]
    assert site.get("hashtags.json?size=200&sort=new&page=99").json()["page"] == 11
    assert site.get("hashtags.json").json()["total_count"] == 2003


def test_page_reads_no_report(connect_to: Callable[[str], Site], database: psycopg.Connection[Row]) -> None:
    expected = entries(connect_to(url_of(database)), "hashtags.json")
    database.execute("update comet_runs set report = jsonb_set(report, '{hashtags}', '0') where report is not null")
    assert entries(connect_to(url_of(database)), "hashtags.json") == expected
