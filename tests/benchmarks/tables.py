"""The results of all benchmarks: each is kept as JSON, and all of a size make one table."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from include.stack.output import say
from include.stack.tables import format_table
from tests.benchmarks.figures import Figure, figure_of

HEAD = ("", "this package", "compared with", "theirs", "ratio", "target")
TEXT_COLUMNS = (0, 2, 5)


def keep(folder: Path, size: str, name: str, figures: Sequence[Figure]) -> None:
    """Write the figures of a benchmark, instead of those of its last run."""
    record = {
        "benchmark": name,
        "size": size,
        "machine": machine(),
        "load": os.getloadavg()[0],
        "airflow": version("apache-airflow"),
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


def show_markdown(figures: Sequence[Figure]) -> None:
    """Print the same as Markdown."""
    say(f"| {' | '.join(HEAD)} |")
    say("|---|--:|---|--:|--:|---|")
    for figure in figures:
        for row in figure.rows():
            say(f"| {' | '.join(row)} |")


def machine() -> str:
    """The size of this machine."""
    return f"{os.cpu_count()} processors, {psutil.virtual_memory().total / 2**30:.0f} GB of memory"
