"""Parsers of pages and exports."""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from typing import Any

from tests.page.conftest import Site

VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "path", "wbr"})


class Page(HTMLParser):
    """Parsed page: cell texts by row, links with their texts, and all elements with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.links: dict[str, str] = {}
        self.text = ""
        self._cell: list[str] | None = None
        self._link: str | None = None
        self._open: list[str] = []
        self.feed(text)
        assert self._open == [], "elements that are not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record an element."""
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in {"td", "th"}:
            self._cell = []
        elif tag == "a":
            self._link = attributes["href"]
            self.links.setdefault(str(self._link), "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record an element without contents."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Record the end of a cell or a link."""
        assert self._open.pop() == tag
        if tag in {"td", "th"} and self._cell is not None:
            self.rows[-1].append(" ".join("".join(self._cell).split()))
            self._cell = None
        elif tag == "a":
            self._link = None

    def handle_data(self, data: str) -> None:
        """Record a text."""
        self.text += data
        if self._cell is not None:
            self._cell.append(data)
        if self._link is not None:
            self.links[self._link] += data

    def link(self, text: str) -> str:
        """Return the address of the first link whose text contains this one."""
        return next(address for address, words in self.links.items() if text in words)


def read(site: Site, path: str = "") -> Page:
    """Return a parsed page that must exist."""
    return Page(site.text(path))


def follow(site: Site, address: str) -> Page:
    """Return the page that a link leads to."""
    assert address.startswith("/comets/")
    return read(site, address.removeprefix("/comets/"))


def rows(site: Site, path: str) -> list[dict[str, str]]:
    """Return the rows of a CSV export."""
    answer = site.get(path)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8"), newline="")))


def entries(site: Site, path: str) -> list[dict[str, Any]]:
    """Return the rows of a JSON export."""
    answer = site.get(path)
    assert answer.headers["Content-Type"] == "application/json"
    found: list[dict[str, Any]] = answer.json()["rows"]
    return found
