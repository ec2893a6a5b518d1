"""The page "Comets" on a running stack, with three days of data."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState

from include.stack.keys import UI_USER
from tests.chromium import running_chromium
from tests.stack.page.browsing import LEADERBOARD, log_in, watched_context
from tests.stack.page.days import make_days
from tests.stack.running_stack import RunningStack


@pytest.fixture(scope="package")
def days(stack: RunningStack) -> RunningStack:
    """The stack when its three days are over."""
    make_days(stack)
    return stack


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A browser."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def session(chromium: Browser, days: RunningStack) -> StorageState:
    """What a browser keeps of somebody who has logged in."""
    with watched_context(chromium, days) as context:
        page = context.new_page()
        page.goto("/")
        log_in(page, UI_USER, days.password(UI_USER))
        page.get_by_test_id("nav-sidebar").wait_for()
        return context.storage_state()


@pytest.fixture
def context(chromium: Browser, days: RunningStack, session: StorageState) -> Iterator[BrowserContext]:
    """A browser of somebody who is logged in."""
    with watched_context(chromium, days, storage_state=session) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """The leaderboard of the latest day."""
    page = context.new_page()
    page.goto(LEADERBOARD)
    return page
