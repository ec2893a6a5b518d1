"""The machine's headless Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import REQUIRED

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

# No requests but to the tested pages. Chromium's sandbox does not work as root.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)


def find_chromium() -> str:
    """Return the program; skip the test without it, unless COMETS_REQUIRE names it."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        if "chromium" in REQUIRED:
            pytest.fail("COMETS_REQUIRE names chromium, and it is not installed")
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    return program


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run a browser."""
    program = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()
