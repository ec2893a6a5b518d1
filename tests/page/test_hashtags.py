"""Hashtag performance: counts, cost and order."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from include.stack.postgres import EmbeddedPostgres
from tests.conftest import copied_database, postgres_connection
from tests.page.conftest import Site
from tests.page.reading import entries, read, rows


def test_videos_count_per_date_comets_once_and_new_comets_and_calls_per_run(site: Site) -> None:
    cozy = next(entry for entry in entries(site, "hashtags.json") if entry["hashtag"] == "cozygaming")
    assert cozy["run_count"] == 3
    assert cozy["date_count"] == 2
    assert cozy["video_count"] == 12
    assert cozy["tagged_count"] == 3 + 5
    assert cozy["precision_rate"] == pytest.approx(8 / 12)
    assert cozy["comet_count"] == len({"101", "104"})
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


def test_list_has_pages_that_cover_it_in_order(site: Site) -> None:
    answer = site.get("hashtags.json?sort=hashtag&order=asc&size=25&page=9").json()
    assert (answer["total_count"], answer["page"], answer["page_size"]) == (3, 1, 25)
    assert [row["hashtag"] for row in answer["rows"]] == ["cozygaming", "gymtok", "قهوة"]


def test_hashtags_are_read_for_the_page_only(
    connect_to: Callable[[str], Site], postgres: EmbeddedPostgres, filled_template: str
) -> None:
    with copied_database(postgres, filled_template) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "insert into comet_hashtag_results select run_id, 'tag' || number, 1, 1, 1, 1, 1, number"
            " from comet_runs cross join generate_series(1, 120) as number where report is not null"
        )
        paged = connect_to(postgres_connection(url))
        found = []
        for number in (1, 2, 3):
            answer = paged.get(f"hashtags.json?sort=calls&size=50&page={number}").json()
            assert answer["total_count"] == 123
            found += [row["billed_count"] for row in answer["rows"]]
        assert len(found) == 123
        assert found == sorted(found, reverse=True)
        page = read(paged, "hashtags?sort=calls&size=50&page=2")
        assert "Page 2 of 3" in page.text


@pytest.mark.parametrize("query", ["days=1", "days=367", "days=x", "sort=run_id", "order=1"])
def test_invalid_parameter_is_named(site: Site, query: str) -> None:
    answer = site.get(f"hashtags?{query}")
    assert answer.status_code == 422
    assert f"The parameter {query.partition('=')[0]} " in answer.text
