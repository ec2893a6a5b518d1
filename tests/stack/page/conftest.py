"""The page "Comets" on a running stack, with three days of data."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState

from tests.chromium import running_chromium
from tests.stack.page.browsing import LEADERBOARD, Watch, log_in, watched_context
from tests.stack.page.days import make_days
from tests.stack.running_stack import UI_USER, RunningStack


@pytest.fixture(scope="package")
def days(stack: RunningStack) -> RunningStack:
    """Return the stack with its three days of data."""
    make_days(stack)
    return stack


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Yield a browser."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def shared(chromium: Browser, days: RunningStack) -> Iterator[tuple[BrowserContext, Watch]]:
    """Yield a logged-in context; sharing it caches Airflow's large scripts between tests."""
    with watched_context(chromium, days) as (context, watch):
        page = context.new_page()
        page.goto("/")
        log_in(page, UI_USER, days.password(UI_USER))
        page.get_by_test_id("nav-sidebar").wait_for()
        yield context, watch


@pytest.fixture(scope="package")
def session(shared: tuple[BrowserContext, Watch]) -> StorageState:
    """Return the cookies and local storage of the shared context."""
    return shared[0].storage_state()


@pytest.fixture
def context(shared: tuple[BrowserContext, Watch]) -> Iterator[BrowserContext]:
    """Yield the shared context with all pages closed."""
    context, watch = shared
    for page in context.pages:
        page.close()
    yield context
    watch.check()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Return a tab with the leaderboard of the latest date."""
    page = context.new_page()
    page.goto(LEADERBOARD)
    return page
