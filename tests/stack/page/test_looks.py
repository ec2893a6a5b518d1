"""Accessibility and appearance: keyboard, phone, light and dark, and texts of creators."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from include.stack.database import connect
from tests.stack.page.browsing import LEADERBOARD, contrasts, rows, watched_context
from tests.stack.running_stack import RunningStack

PHONE = {"width": 375, "height": 700}
MIN_CONTRAST = 4.5
SCRIPT = "<script src=x>alert(1)</script><img src=x onerror=alert(2)>"
COLOURS = "() => [getComputedStyle(document.body).color, Chart.getChart('chart').options.scales.x.ticks.color]"


@pytest.fixture(scope="module")
def addresses(days: RunningStack) -> list[str]:
    """Return the address of each kind of page, empty and error states included."""
    creator = days.rows("select user_id from comet_discoveries order by user_id")[0]["user_id"]
    paths = (
        "",
        f"creators/{creator}",
        "hashtags",
        "runs",
        "latest",
        "?search=no+such+creator",
        "unknown",
        "?page=x",
    )
    return [LEADERBOARD + path for path in paths]


def test_keyboard_reaches_content_and_controls(page: Page) -> None:
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()

    tab_to(page, "Followers")
    page.keyboard.press("Enter")
    header = page.get_by_role("columnheader", name="Followers", exact=True)
    expect(header).to_have_attribute("aria-sort", "descending")

    name = rows(page.get_by_role("table").first)[0]["Creator"].split()[0]
    tab_to(page, name)
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert float(outline.removesuffix("px")) >= 2
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def test_phone_never_scrolls_sideways(
    chromium: Browser, days: RunningStack, session: StorageState, addresses: list[str]
) -> None:
    with watched_context(chromium, days, storage_state=session, viewport=PHONE) as (context, _):
        page = context.new_page()
        for address in addresses:
            page.goto(address)
            page.get_by_role("main").wait_for()
            assert page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"], address


def test_every_text_has_contrast_in_light_and_dark(
    chromium: Browser, days: RunningStack, session: StorageState, addresses: list[str]
) -> None:
    backgrounds = {}
    for scheme in ("light", "dark"):
        with watched_context(chromium, days, storage_state=session, color_scheme=scheme) as (context, _):
            page = context.new_page()
            for address in addresses:
                page.goto(address)
                found = contrasts(page)
                assert len(found) > 5
                assert [text for text in found if text["ratio"] < MIN_CONTRAST] == [], (scheme, address)
            backgrounds[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert backgrounds["light"] != backgrounds["dark"]


def test_page_and_chart_follow_airflow_appearance(page: Page) -> None:
    page.get_by_role("rowheader").get_by_role("link").first.click()
    airflow = page.context.new_page()
    colours = {}
    for choice in ("Dark Mode", "Light Mode"):
        airflow.goto("/")
        airflow.get_by_test_id("nav-sidebar").get_by_role("button", name="User").click()
        airflow.get_by_role("menuitem", name="Appearance").click()
        airflow.get_by_role("menuitemradio", name=choice).click()
        scheme = choice.split()[0].lower()
        page.wait_for_function("scheme => getComputedStyle(document.body).colorScheme === scheme", arg=scheme)
        colours[scheme] = page.evaluate(COLOURS)
    assert all(light != dark for light, dark in zip(colours["light"], colours["dark"], strict=True))
    airflow.evaluate("localStorage.removeItem('theme')")


def test_texts_of_creators_run_no_script(page: Page, days: RunningStack) -> None:
    (creator,) = days.rows("select user_id from creators order by user_id desc limit 1")
    with connect(days.environment) as connection:
        connection.execute("update creators set nickname = %s where user_id = %s", [SCRIPT, creator["user_id"]])
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    for address in (f"{LEADERBOARD}?band=all&size=100", f"{LEADERBOARD}creators/{creator['user_id']}"):
        page.goto(address)
        assert SCRIPT in page.get_by_role("main").inner_text()
        assert page.locator("main script[src='x'], main img[onerror]").count() == 0
    assert dialogs == []


def tab_to(page: Page, name: str) -> None:
    """Press Tab until a link of that name has the focus."""
    link = page.get_by_role("link", name=name, exact=True).first
    link.wait_for()
    for _ in range(200):
        page.keyboard.press("Tab")
        if link.evaluate("link => link === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {name}")
