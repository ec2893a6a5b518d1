"""What people do in a browser, and what a test can see of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.stack.running_stack import RunningStack

HOME_HEADING = "Which creators grow fastest"
MILLISECONDS = 20_000
LEADERBOARD = "/comets/"

# A machine at work on other tests takes its time.
expect.set_options(timeout=MILLISECONDS)

_READ_TABLE = """
table => [...table.tHead.rows, ...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.innerText.trim()))
"""

# The colours of each text and of what is behind it, as a canvas paints them; opacity is not used on texts.
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
    const grounds = [];
    for (let e = element; e; e = e.parentElement) grounds.unshift(getComputedStyle(e).backgroundColor);
    const base = matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "#ffffff";
    const ground = paint([base, ...grounds]);
    const text = paint([base, ...grounds, getComputedStyle(element).color]);
    const [dark, light] = [luminance(ground), luminance(text)].sort((a, b) => a - b);
    found.push({ words: words.slice(0, 40), ratio: (light + 0.05) / (dark + 0.05), text, ground });
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
    """What a browser asked other hosts for, and what it complained of on our pages."""

    host: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def follow(self, context: BrowserContext) -> None:
        """Listen to all that its pages do."""
        context.on("request", lambda request: self._see(request.url))
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def check(self) -> None:
        """Fail if there was anything since the last check."""
        found = [*self.foreign, *self.complaints]
        self.foreign.clear()
        self.complaints.clear()
        assert not found, found

    def _see(self, url: str) -> None:
        if urlsplit(url).scheme not in {"data", "blob"} and urlsplit(url).netloc != self.host:
            self.foreign.append(url)

    def _hear(self, message: ConsoleMessage) -> None:
        source = message.location.get("url", "")
        is_ours = "/comets/" in source or (message.page and "/comets/" in message.page.url)
        # That a page is missing is what somebody asked to see.
        is_answer = message.page and source == message.page.url and message.text.startswith("Failed to load resource")
        is_airflows = "allow-scripts and allow-same-origin" in message.text
        if is_ours and message.type in {"error", "warning"} and not is_answer and not is_airflows:
            self.complaints.append(f"{message.text} ({source})")


@contextmanager
def watched_context(browser: Browser, stack: RunningStack, **options: Any) -> Iterator[tuple[BrowserContext, Watch]]:
    """A browser without history; nothing in it may ask another host or complain."""
    watch = Watch(urlsplit(stack.api.url).netloc)
    options = {"viewport": {"width": 1280, "height": 800}, "base_url": stack.api.url, **options}
    with browser.new_context(**options) as context:
        context.set_default_timeout(MILLISECONDS)
        watch.follow(context)
        yield context, watch
    watch.check()


def log_in(page: Page, user: str, password: str) -> None:
    """Fill in the login form that is shown."""
    page.locator("input[name=username]").fill(user)
    page.locator("input[name=password]").fill(password)
    page.keyboard.press("Enter")


def open_comets(airflow: Page) -> Page:
    """Open the page from Airflow's navigation; it comes in a tab of its own."""
    airflow.get_by_test_id("nav-sidebar").get_by_role("button", name="Browse").click()
    with airflow.expect_popup() as opened:
        airflow.get_by_role("menuitem", name="Comets").click()
    expect(opened.value.get_by_role("heading", level=1)).to_have_text(HOME_HEADING)
    return opened.value


def rows(table: Locator) -> list[dict[str, str]]:
    """The texts of a table by the headings of its columns, without marks of sorting."""
    table.wait_for()
    head, *body = table.evaluate(_READ_TABLE)
    names = [name.strip(" ▾▴\n") for name in head]
    return [dict(zip(names, row, strict=True)) for row in body]


def number(text: str) -> float | None:
    """A figure as it is shown: with a mark before it, commas, a sign and a unit; a dash is unknown."""
    digits = text.lstrip("~? ").replace(",", "").replace("−", "-").rstrip("%x× ")
    return None if digits in {"–", "-", ""} else float(digits)


def contrasts(page: Page) -> list[dict[str, Any]]:
    """How each text that is seen stands out from its ground, as WCAG counts it (1 to 21)."""
    return list(page.evaluate(_READ_CONTRASTS))


def colour_count(canvas: Locator) -> int:
    """How many opaque colours are painted on a canvas."""
    return int(canvas.evaluate(_COUNT_COLOURS))
