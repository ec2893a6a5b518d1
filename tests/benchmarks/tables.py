"""The results of all benchmarks: each is kept as JSON, and all of a size make one table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from include.stack.output import note, say
from tests.benchmarks.aligned import format_table
from tests.benchmarks.figures import Figure, figure_of
from tests.benchmarks.machine import describe, facts

HEAD = ("", "this package", "compared with", "theirs", "ours / theirs", "target")
TEXT_COLUMNS = (0, 2, 5)


def keep(folder: Path, size: str, name: str, figures: Sequence[Figure]) -> None:
    """Write the figures of a benchmark, instead of those of its last run."""
    record = {
        "benchmark": name,
        "size": size,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": facts(),
        "figures": [figure.record() for figure in figures],
    }
    path = folder / f"{name}-{size}.json"
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    say(f"Figures: {path}")


def kept(folder: Path, size: str, names: Sequence[str]) -> list[Figure]:
    """The last figures of the benchmarks, as far as they were ever run."""
    paths = [folder / f"{name}-{size}.json" for name in names]
    records = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
    return [figure_of(figure) for record in records for figure in record["figures"]]


def show(title: str, figures: Sequence[Figure]) -> None:
    """Print a table."""
    say(title)
    rows = [HEAD, *(row for figure in figures for row in figure.rows())]
    for line in format_table(rows, text_columns=TEXT_COLUMNS):
        say(line)
    verdicts = [row[-1] for row in rows[1:] if row[-1]]
    passed = sum(text.startswith("passes") for text in verdicts)
    say(f"{passed} of {len(verdicts)} targets are met.")


def keep_markdown(folder: Path, size: str, figures: Sequence[Figure]) -> str:
    """Write the table as Markdown, for the README; return it."""
    rows = [row for figure in figures for row in figure.rows()]
    lines = [
        f"Size {size}: {describe(facts())}.",
        "",
        markdown_row(HEAD),
        "|---|--:|---|--:|--:|---|",
        *map(markdown_row, rows),
    ]
    path = folder / f"table-{size}.md"
    text = "\n".join(lines) + "\n"
    path.write_text(text, encoding="utf-8")
    note(f"The table as Markdown: {path}")
    return text


def markdown_row(cells: Sequence[str]) -> str:
    """A line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"
