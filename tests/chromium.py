"""A headless Chromium of the machine's own, driven by Playwright; nothing is downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import REQUIRED

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

# It talks to nobody but the pages that it is sent to. As root it has no sandbox.
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
    """The program; a test without it is skipped, unless COMETS_REQUIRE names it."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        if "chromium" in REQUIRED:
            pytest.fail("COMETS_REQUIRE names chromium, and it is not installed")
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    return program


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Keep a browser at work."""
    program = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()
