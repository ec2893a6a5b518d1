"""The pages that people read, and the fenced blocks in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from include.stack.project import PROJECT

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
NOT_RUN = re.compile(r"<!-- not run by a test: \S.* -->")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    :param place: file and line of its first fence
    :param is_marked: the line above says why no test runs it
    """

    place: str
    language: str
    lines: tuple[str, ...]
    is_marked: bool


def blocks() -> Iterator[Block]:
    """Yield the fenced blocks of all pages."""
    for page in PAGES:
        lines = [line.strip() for line in page.read_text(encoding="utf-8").splitlines()]
        fences = [number for number, line in enumerate(lines) if line.startswith("```")]
        for first, last in zip(fences[::2], fences[1::2], strict=True):
            yield Block(
                place=f"{page.relative_to(PROJECT)}:{first + 1}",
                language=lines[first].removeprefix("```"),
                lines=tuple(lines[first + 1 : last]),
                is_marked=first > 0 and NOT_RUN.fullmatch(lines[first - 1]) is not None,
            )


def commands(block: Block) -> list[str]:
    """Return the command lines of a block without comments."""
    lines = (re.sub(r"(^|\s+)#\s.*", "", line) for line in block.lines)
    return [line for line in lines if line]


def missing_files(page: Path) -> list[str]:
    """Return the files and folders that a page writes as code and that are not in the project."""
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:dags|docs|include|plugins|tests)/[\w./-]*|[\w./-]+\.(?:py|sql|yaml))`", text)
    roots = (PROJECT, PROJECT / "plugins" / "comets", PROJECT / "include" / "sql")
    return sorted(name for name in set(named) if not any((root / name).exists() for root in roots))
