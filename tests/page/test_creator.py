"""A creator's page: ranks, score breakdown, qualifying videos and history."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

import psycopg
import pytest

from include.stack.postgres import EmbeddedPostgres
from tests.conftest import copied_database, postgres_connection
from tests.page.conftest import Site
from tests.page.reading import Page, entries, read, rows


@pytest.fixture(scope="module")
def ada(site: Site) -> Page:
    """Return the page of the fastest-growing Comet."""
    return read(site, "creators/101")


def test_ranks_among_comets_and_among_all(site: Site, ada: Page) -> None:
    assert "#1 of 65 Comets, #1 of 67 tracked creators by growth/day" in ada.text
    assert "#1 of 65 Comets, #1 of 67 tracked creators by score" in ada.text
    above_the_band = read(site, "creators/105").text
    assert "#5 of 67 tracked creators by growth/day" in above_the_band
    assert "Comets, #" not in above_the_band


def test_parts_export_explains_the_score(site: Site) -> None:
    parts = rows(site, "creators/102/parts.csv")
    assert {part["part"] for part in parts} == {"growth", "acceleration", "engagement", "reach", "breakout"}
    growth = next(part for part in parts if part["part"] == "growth")
    assert (growth["percentile"], growth["weight"], growth["sample_count"], growth["sample_unit"]) == (
        "0.5",
        "0.35",
        "8",
        "days",
    )
    assert growth["peer_count"] == "60"


def test_score_breakdown_shows_each_part(ada: Page) -> None:
    assert ["Growth", "+5.78%", "per day", "90%", "60", "35%", "31.5", "8 days"] in ada.rows
    assert ["Engagement", "6.0%", "of views", "40%", "60", "20%", "8.0", "6 videos"] in ada.rows


def test_low_confidence_names_small_samples(site: Site, ada: Page) -> None:
    assert "low confidence" not in ada.text
    text = read(site, "creators/102").text
    assert "Engagement is based on 2 videos; Reach is based on 2 videos; Breakout is based on 0 videos." in text


def test_qualifying_videos_link_to_tiktok(ada: Page) -> None:
    video = next(row for row in ada.rows if "Watch on TikTok" in row[0])
    assert video[1:3] == ["600,000", "4,167"]
    assert video[9] == "5.5×"
    assert "#cozygaming #gymtok #قهوة" in video[11]
    assert ada.links["https://www.tiktok.com/@ada.plays/video/9001"] == "Watch on TikTok"
    outside = [attributes for tag, attributes in ada.elements if "tiktok" in str(attributes.get("href"))]
    assert all(link["rel"] == "noopener noreferrer" and link["target"] == "_blank" for link in outside)


def test_unmeasured_days_are_marked_in_chart_and_table(ada: Page) -> None:
    canvas = next(attributes for tag, attributes in ada.elements if tag == "canvas")
    points = json.loads(str(canvas["data-points"]))
    assert [point["basis"] for point in points] == ["late", "observed", "observed"] + ["estimated"] * 2 + [
        "observed"
    ] * 3
    assert points[-1] == {"recorded_date": "2026-03-10", "follower_count": 45_230, "basis": "observed"}
    assert ["2026-03-05", "~39,980", "estimated", "~+10", "~+1.50%", "1"] in ada.rows
    assert ["2026-03-01", "~39,940", "backdated", "–", "–", "–"] in ada.rows
    # Growth between two measured counts is measured, however many days lie between.
    assert ["2026-03-07", "39,990", "measured", "+10", "+1.50%", "1"] in ada.rows


def test_basis_is_shown_as_measured_estimated_or_backdated(ada: Page) -> None:
    assert "Filled points are measured." in ada.text
    assert "Triangles are backdated:" in ada.text
    assert ["Basis", "measured"] in [row[:2] for row in ada.rows]


def test_hashtags_and_handles_have_dates(ada: Page) -> None:
    assert ["#gymtok", "2", "1", "2026-03-09", "2026-03-10"] in ada.rows
    assert ["@ada", "2026-01-05 02:00 UTC"] in ada.rows


def test_date_parameter_selects_the_date(site: Site) -> None:
    page = read(site, "creators/101?date=2026-03-09")
    assert "40,000" in page.text
    assert "+1,000" in page.text
    assert page.link("2026-03-10 →") == "/comets/creators/101?date=2026-03-10"
    assert "was not scored on this date" in read(site, "creators/101?date=2025-01-01").text


def test_metric_added_to_the_view_is_shown(
    connect_to: Callable[[str], Site], postgres: EmbeddedPostgres, filled_template: str
) -> None:
    with copied_database(postgres, filled_template) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            definition = connection.execute("select pg_get_viewdef('comet_creator_metrics')").fetchone()
            assert definition
            body = str(definition[0]).replace("FROM (((", ", 0.125::double precision AS luck_rate FROM (((", 1)
            assert "luck_rate" in body
            connection.execute(f"create or replace view comet_creator_metrics as {body}".encode())
            connection.execute("comment on column comet_creator_metrics.luck_rate is 'How lucky it <is>.'")
        page = read(connect_to(postgres_connection(url)), "creators/101")
    assert ["Luck rate", "+12.50%", "How lucky it <is>."] in page.rows
    assert ["Engagement rate", "6.0%"] in [row[:2] for row in page.rows]


def test_metrics_are_those_stored_with_the_score(
    connect_to: Callable[[str], Site], postgres: EmbeddedPostgres, filled_template: str
) -> None:
    with copied_database(postgres, filled_template) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("update comet_scores set view_follower_ratio = 77.5, growth_7d_rate = 0.0425")
        page = read(connect_to(postgres_connection(url)), "creators/101")
    stated = {row[0]: row[1] for row in page.rows if len(row) == 3}
    assert stated["View follower ratio"] == "77.5×"
    assert stated["Growth rate, 7 days"] == "+4.25%"


def test_creator_without_handle_and_growth_has_a_page(site: Site) -> None:
    page = read(site, "creators/106")
    assert "unknown on this date" in page.text
    assert "tiktok.com" not in "".join(page.links)


def test_days_export_is_unformatted(site: Site) -> None:
    exported = rows(site, "creators/101/days.csv")
    assert exported[-1]["follower_count"] == "45230"
    assert exported[0]["basis"] == "late"
    assert entries(site, "creators/101/days.json")[-1]["daily_growth_followers"] == 5_230
    answer = site.get("creators/101/days.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="comet-101-days-2026-03-10.csv"'


@pytest.mark.parametrize("user_id", ["none", "'; drop table creators; --", "<script>", "a" * 5000, "%00", "101 "])
def test_unknown_id_is_a_404_page(site: Site, user_id: str) -> None:
    for path in (f"creators/{quote(user_id)}", f"creators/{quote(user_id)}/days.csv"):
        answer = site.get(path)
        assert answer.status_code == 404
        assert "No tracked creator has this id" in answer.text
        assert "<script>" not in answer.text


def test_no_link_leads_out_of_the_frame(site: Site) -> None:
    for path in ("creators/101", "", "runs", "latest", "hashtags"):
        page = read(site, f"{path}?framed=1")
        assert page.links
        for address in page.links:
            assert address.startswith("/comets/") or address == "#main", address
            assert "framed=1" in address or address == "#main", address
        assert not any("target" in attributes for _, attributes in page.elements)
    assert "tiktok.com/@ada.plays/video/9001" in read(site, "creators/101?framed=1").text
