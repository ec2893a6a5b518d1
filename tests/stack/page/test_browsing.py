"""Login, filters and downloads in a real browser on a running Airflow."""

from __future__ import annotations

from playwright.sync_api import Browser, Locator, Page, expect

from tests.stack.page.browsing import HOME_HEADING, LEADERBOARD, log_in, number, rows, watched_context
from tests.stack.running_stack import UI_USER, RunningStack


def test_login_redirects_back_to_the_address(chromium: Browser, days: RunningStack) -> None:
    with watched_context(chromium, days) as (context, _):
        page = context.new_page()
        page.goto(f"{LEADERBOARD}?band=all&sort=followers")
        log_in(page, UI_USER, days.password(UI_USER))
        page.wait_for_url(f"**{LEADERBOARD}?band=all&sort=followers")
        expect(page.get_by_role("heading", level=1)).to_have_text(HOME_HEADING)


def test_filters_narrow_the_list_and_reset(page: Page, days: RunningStack) -> None:
    total = len(rows(board(page)))
    page.get_by_label("Hashtag").select_option("gymtok")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**hashtag=gymtok**")
    tagged = rows(board(page))
    assert 0 < len(tagged) < total
    assert all("#gymtok" in row["Hashtags"] for row in tagged)

    page.get_by_label("Followers").select_option("25k-50k")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url("**band=25k-50k**")
    banded = rows(board(page))
    assert 0 < len(banded) < len(tagged)
    assert all(25_000 <= (number(row["Followers"]) or 0) <= 50_000 for row in banded)

    page.get_by_role("link", name="Reset").click()
    expect(board(page).locator("tbody tr")).to_have_count(total)
    handle = days.rows("select handle from creators order by handle limit 1")[0]["handle"]
    page.get_by_label("Followers").select_option("all")
    page.get_by_label("Search").fill(f"@{handle.upper()}")
    page.get_by_label("Search").press("Enter")
    expect(board(page).locator("tbody tr")).to_have_count(1)
    assert f"@{handle}" in rows(board(page))[0]["Creator"]

    page.get_by_label("Search").fill("no such creator")
    page.get_by_label("Search").press("Enter")
    expect(page.get_by_role("heading", name="No creators match")).to_be_visible()


def test_csv_export_has_the_displayed_rows(page: Page) -> None:
    page.goto(f"{LEADERBOARD}?hashtag=gymtok&sort=rate&order=asc")
    shown = rows(board(page))
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(shown)


def board(page: Page) -> Locator:
    """Return the table of the leaderboard."""
    return page.get_by_role("region", name="Leaderboard").get_by_role("table")
