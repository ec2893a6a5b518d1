"""Shared parts of the benchmarks: sizes, interleaved rounds, and the table of ratios.

pyperf and pytest-benchmark repeat stateless calls of milliseconds; here a round is a day of SQL or a whole Airflow run.

Load on a machine lasts minutes, so each round runs every implementation once, and a ratio is the median of the rounds'
ratios.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

import psutil
import psycopg
from psycopg import sql
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from include.stack.environment import resolve
from include.stack.errors import StackError
from include.stack.output import note
from include.stack.postgres import EmbeddedPostgres

SIZE_VARIABLE = "COMETS_SIZE"
SIZES = ("small", "full")
NOTED_FIGURES = 12
HEADINGS = ("", "this package", "compared with", "theirs", "ours / theirs", "target")
NUMBERS = frozenset({"this package", "theirs", "ours / theirs"})

SEARCH_PATH = "/api/v1/tiktok/app/v3/fetch_video_search_result"
PROFILE_PATH = "/api/v1/tiktok/app/v3/handler_user_profile"
PAGE_SIZE = 20

Rounds = Mapping[str, Sequence[float]]
"""Seconds of each round, by name."""


class BenchmarkError(StackError):
    """A benchmark failed; the text has the cause."""


@dataclass(frozen=True)
class Criteria:
    """Inclusive bounds of a Comet, shared by all implementations."""

    min_followers: int = 10_000
    max_followers: int = 100_000
    min_video_views: int = 50_000


@dataclass(frozen=True)
class Row:
    """A row of the table.

    :param ours: values of this package, by round
    :param other: name of the compared implementation
    :param theirs: values of the compared implementation, by round; empty for a row without a ratio
    :param target: maximum of the ratio, or of the value in a row without a ratio
    """

    name: str
    ours: Sequence[float]
    other: str = ""
    theirs: Sequence[float] = ()
    target: float | None = None
    unit: str = "s"

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios; None without a compared implementation."""
        return median(mine / other for mine, other in zip(self.ours, self.theirs, strict=True)) if self.theirs else None

    def cells(self) -> list[str]:
        """Return the texts of the columns."""
        mine, ratio = median(self.ours), self.ratio
        cells = [self.name, f"{rounded(mine)} {self.unit}", self.other, "", "", ""]
        if ratio is not None:
            cells[3:5] = [f"{rounded(median(self.theirs))} {self.unit}", rounded(ratio)]
        if self.target is not None:
            is_met = (mine if ratio is None else ratio) <= self.target
            cells[5] = f"{'passes' if is_met else 'misses'}: at most {rounded(self.target)}"
        return cells


def rounded(value: float) -> str:
    """Return a number with up to two decimals."""
    decimals = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{decimals}f}"


def show(title: str, rows: Sequence[Row], size_name: str) -> None:
    """Print a Markdown table with title and machine; targets apply only to the full size."""
    headings = HEADINGS if size_name == "full" else HEADINGS[:-1]
    columns = [column for column in zip(headings, *(row.cells() for row in rows), strict=False) if any(column[1:])]
    table = Table(box=MARKDOWN)
    for heading, *_ in columns:
        table.add_column(heading, justify="right" if heading in NUMBERS else "left", no_wrap=True)
    for cells in zip(*(column[1:] for column in columns), strict=True):
        table.add_row(*cells)
    print(f"{title}, size {size_name}")
    Console(width=200, markup=False, highlight=False, emoji=False).print(table)
    print(f"Medians of {len(rows[0].ours)} rounds, of their ratios too. {machine()}.\n", flush=True)


def machine() -> str:
    """Return a description of the machine, its load, and the version of Airflow."""
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} processors (load {load:.1f}), {memory:.0f} GB, Airflow {version('apache-airflow')}"


def seconds(act: Callable[[], object]) -> float:
    """Return the duration of a call."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def interleave(act: Callable[[int], Mapping[str, float]], rounds: int) -> Rounds:
    """Run rounds, numbered from 1; return their values by name."""
    collected: dict[str, list[float]] = {}
    for number in range(1, rounds + 1):
        taken = act(number)
        figures = [f"{name} {rounded(value)}" for name, value in taken.items()]
        note(f"Round {number} of {rounds}: {', '.join(figures[:NOTED_FIGURES])}")
        for name, value in taken.items():
            collected.setdefault(name, []).append(value)
    return collected


def copy_database(server: EmbeddedPostgres, source: str, target: str) -> str:
    """Replace a database by a copy of another; return its URL."""
    names = {"source": sql.Identifier(source), "target": sql.Identifier(target)}
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {target} with (force)").format(**names))
        connection.execute(sql.SQL("create database {target} template {source}").format(**names))
    return server.url(target)


def run_script(benchmark: Callable[[str, Path], None]) -> None:
    """Run a benchmark at the size in the environment, with the state folder's folder for benchmarks."""
    size = os.environ.get(SIZE_VARIABLE) or SIZES[0]
    try:
        if size not in SIZES:
            raise BenchmarkError(f"SIZE={size} is unknown; choose one of: {', '.join(SIZES)}.")
        folder = resolve().state.benchmarks
        folder.mkdir(parents=True, exist_ok=True)
        benchmark(size, folder)
    except StackError as error:
        note(f"Error: {error}")
        sys.exit(1)
