"""What a talent scout does on the page, in a real browser against the running Airflow."""

from __future__ import annotations

import csv
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from include.stack.keys import UI_USER
from tests.stack.page.browsing import HOME_HEADING, LEADERBOARD, log_in, number, open_comets, rows, watched_context
from tests.stack.page.days import LAST
from tests.stack.running_stack import RunningStack


def test_it_opens_from_airflows_navigation_in_a_tab_of_its_own(context: BrowserContext) -> None:
    airflow = context.new_page()
    airflow.goto("/")
    comets = open_comets(airflow)
    assert comets.url.endswith(LEADERBOARD)
    assert comets.main_frame.child_frames == []


def test_the_login_leads_back_to_what_was_asked_for(chromium: Browser, days: RunningStack) -> None:
    with watched_context(chromium, days) as (context, _):
        page = context.new_page()
        page.goto(f"{LEADERBOARD}?band=all&sort=followers")
        log_in(page, UI_USER, days.password(UI_USER))
        page.wait_for_url(f"**{LEADERBOARD}?band=all&sort=followers")
        expect(page.get_by_role("heading", level=1)).to_have_text(HOME_HEADING)


def test_a_click_on_a_heading_sorts_and_the_next_one_turns_it_around(page: Page) -> None:
    names = {row["Creator"] for row in rows(board(page))}
    for direction in ("descending", "ascending"):
        page.get_by_role("columnheader", name="Followers", exact=True).get_by_role("link").click()
        expect(page.get_by_role("columnheader", name="Followers", exact=True)).to_have_attribute("aria-sort", direction)
        shown = rows(board(page))
        counts = [number(row["Followers"]) or 0 for row in shown]
        assert counts == sorted(counts, reverse=direction == "descending")
        assert len(set(counts)) > 3
        assert {row["Creator"] for row in shown} == names


def test_filters_narrow_the_list_and_can_be_taken_off(page: Page, days: RunningStack) -> None:
    everyone = len(rows(board(page)))
    page.get_by_label("Found by").select_option("gymtok")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**hashtag=gymtok**")
    tagged = rows(board(page))
    assert 0 < len(tagged) < everyone
    assert all("#gymtok" in row["Found by"] for row in tagged)

    page.get_by_label("Followers").select_option("25k-50k")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**band=25k-50k**")
    banded = rows(board(page))
    assert 0 < len(banded) < len(tagged)
    assert all(25_000 <= (number(row["Followers"]) or 0) <= 50_000 for row in banded)

    page.get_by_role("link", name="Reset").click()
    expect(board(page).locator("tbody tr")).to_have_count(everyone)
    handle = days.rows("select handle from creators order by handle limit 1")[0]["handle"]
    page.get_by_label("Name").fill(f"@{handle.upper()}")
    page.get_by_label("Followers").select_option("all")
    page.keyboard.press("Enter")
    page.wait_for_url("**search=**")
    page.get_by_label("Name").fill(f"@{handle.upper()}")
    page.get_by_label("Name").press("Enter")
    expect(board(page).locator("tbody tr")).to_have_count(1)
    assert f"@{handle}" in rows(board(page))[0]["Creator"]

    page.get_by_label("Name").fill("nobody is called so")
    page.get_by_label("Name").press("Enter")
    expect(page.get_by_role("heading", name="No creator matches")).to_be_visible()


def test_pages_go_on_where_the_one_before_ended(page: Page, days: RunningStack) -> None:
    page.goto(f"{LEADERBOARD}?band=all&size=25&sort=followers")
    first = rows(board(page))
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 2 of")).to_be_visible()
    second = rows(board(page))
    assert [int(row["No."]) for row in first + second] == [*range(1, len(first + second) + 1)]
    assert len(first) == 25
    assert {row["Creator"] for row in first}.isdisjoint(row["Creator"] for row in second)
    assert (number(first[-1]["Followers"]) or 0) >= (number(second[0]["Followers"]) or 0)
    page.go_back()
    expect(page.get_by_text("Page 1 of")).to_be_visible()


def test_the_csv_holds_the_rows_that_are_on_the_screen(page: Page) -> None:
    page.goto(f"{LEADERBOARD}?band=all&hashtag=gymtok&sort=rate&order=asc&size=25")
    shown = rows(board(page))
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == f"comets-{LAST}.csv"
    with Path(download.value.path()).open(newline="", encoding="utf-8") as file:
        saved = list(csv.DictReader(file))
    assert [f"@{row['handle']}" for row in saved] == [row["Creator"].split()[0] for row in shown]
    for name, column in (("Followers", "follower_count"), ("Growth a day", "daily_growth_followers")):
        saved_figures = [float(row[column]) if row[column] else None for row in saved]
        assert saved_figures == [number(row[name]) for row in shown]


def board(page: Page) -> Locator:
    """The table of the leaderboard."""
    return page.get_by_role("region", name="Leaderboard").get_by_role("table")
