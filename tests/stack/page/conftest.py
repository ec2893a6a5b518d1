"""The page "Comets" on a running stack, with three days of data."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.chromium import running_chromium
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
