"""Browser helpers: contexts, login, navigation and reading of tables and colours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.stack.running_stack import RunningStack

HOME_HEADING = "Fastest-growing creators"
MILLISECONDS = 20_000
LEADERBOARD = "/comets/"

expect.set_options(timeout=MILLISECONDS)

_READ_TABLE = """
table => [...table.tHead.rows, ...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.innerText.trim()))
"""

_READ_CONTRASTS = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const paint = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const words = [...element.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join(" ").trim();
    const box = element.getBoundingClientRect();
    if (!words || !box.width || !box.height || element.tagName === "OPTION") continue;
    const backgrounds = [];
    for (let e = element; e; e = e.parentElement) backgrounds.unshift(getComputedStyle(e).backgroundColor);
    const base = matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "#ffffff";
    const background = paint([base, ...backgrounds]);
    const text = paint([base, ...backgrounds, getComputedStyle(element).color]);
    const [dark, light] = [luminance(background), luminance(text)].sort((a, b) => a - b);
    found.push({ words: words.slice(0, 40), ratio: (light + 0.05) / (dark + 0.05), text, background });
  }
  return found;
}
"""

_COUNT_COLOURS = """
canvas => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const colours = new Set();
  for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] > 200) colours.add(pixels.slice(i, i + 3).join());
  return colours.size;
}
"""


@dataclass
class Watch:
    """Requests to other hosts, and errors and warnings on the page."""

    host: str
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def follow(self, context: BrowserContext) -> None:
        """Record requests, console messages and errors of all pages of a context."""
        context.on("request", lambda request: self._on_request(request.url))
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def check(self) -> None:
        """Fail if anything was recorded since the last check."""
        found = [*self.foreign, *self.errors]
        self.foreign.clear()
        self.errors.clear()
        assert not found, found

    def _on_request(self, url: str) -> None:
        if urlsplit(url).scheme not in {"data", "blob"} and urlsplit(url).netloc != self.host:
            self.foreign.append(url)

    def _on_console(self, message: ConsoleMessage) -> None:
        source = message.location.get("url", "")
        is_ours = "/comets/" in source or (message.page and "/comets/" in message.page.url)
        # A test that opens a missing page expects this message.
        is_status = message.page and source == message.page.url and message.text.startswith("Failed to load resource")
        is_from_airflow = "allow-scripts and allow-same-origin" in message.text
        if is_ours and message.type in {"error", "warning"} and not is_status and not is_from_airflow:
            self.errors.append(f"{message.text} ({source})")


@contextmanager
def watched_context(browser: Browser, stack: RunningStack, **options: Any) -> Iterator[tuple[BrowserContext, Watch]]:
    """Yield a fresh browser context; fail on requests to other hosts, errors and warnings."""
    watch = Watch(urlsplit(stack.api.url).netloc)
    options = {"viewport": {"width": 1280, "height": 800}, "base_url": stack.api.url, **options}
    with browser.new_context(**options) as context:
        context.set_default_timeout(MILLISECONDS)
        watch.follow(context)
        yield context, watch
    watch.check()


def log_in(page: Page, user: str, password: str) -> None:
    """Submit the displayed login form."""
    page.locator("input[name=username]").fill(user)
    page.locator("input[name=password]").fill(password)
    page.keyboard.press("Enter")


def open_comets(airflow: Page) -> Page:
    """Open the page from Airflow's navigation and return its tab."""
    airflow.get_by_test_id("nav-sidebar").get_by_role("button", name="Browse").click()
    with airflow.expect_popup() as opened:
        airflow.get_by_role("menuitem", name="Comets").click()
    expect(opened.value.get_by_role("heading", level=1)).to_have_text(HOME_HEADING)
    return opened.value


def rows(table: Locator) -> list[dict[str, str]]:
    """Return the rows of a table by column heading, without sort marks."""
    table.wait_for()
    head, *body = table.evaluate(_READ_TABLE)
    names = [name.strip(" \u00a0▾▴\n") for name in head]
    return [dict(zip(names, row, strict=True)) for row in body]


def number(text: str) -> float | None:
    """Parse a displayed number with mark, sign, commas and unit; a dash is None."""
    digits = text.lstrip("~? ").replace(",", "").replace("−", "-").rstrip("%x× ")
    return None if digits in {"–", "-", ""} else float(digits)


def contrasts(page: Page) -> list[dict[str, Any]]:
    """Return the WCAG contrast ratio (1 to 21) of each visible text."""
    return list(page.evaluate(_READ_CONTRASTS))


def colour_count(canvas: Locator) -> int:
    """Return the number of opaque colours on a canvas."""
    return int(canvas.evaluate(_COUNT_COLOURS))
