"""What the benchmarks share: sizes, time of interleaved rounds, and the table of ratios.

No harness fits: pyperf and pytest-benchmark repeat a stateless call of milliseconds in a loop or a fresh process, and
here each round is a day of SQL on a large database or a whole run of Airflow, in turns with other ways to do the same.

A machine with other work on it is slow for minutes. Each round therefore does every way once, and a ratio is the median
of the ratios of the rounds.
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
"""Seconds of each round by the name of what was timed."""


class BenchmarkError(StackError):
    """A benchmark can't measure what it is about; the text says what happened."""


@dataclass(frozen=True)
class Criteria:
    """The bounds of a Comet, for all ways alike; all are inclusive."""

    min_followers: int = 10_000
    max_followers: int = 100_000
    min_video_views: int = 50_000


@dataclass(frozen=True)
class Row:
    """A line of the table.

    :param ours: of each round
    :param other: the name of another way
    :param theirs: of each round, in the same order; none for a line without a ratio
    :param most: the target: the ratio is at most so much, or without a ratio the value
    """

    name: str
    ours: Sequence[float]
    other: str = ""
    theirs: Sequence[float] = ()
    most: float | None = None
    unit: str = "s"

    @property
    def ratio(self) -> float | None:
        """The median of the rounds' ratios; None without another way."""
        return median(mine / other for mine, other in zip(self.ours, self.theirs, strict=True)) if self.theirs else None

    def cells(self) -> list[str]:
        """The texts of the columns."""
        mine, ratio = median(self.ours), self.ratio
        cells = [self.name, f"{rounded(mine)} {self.unit}", self.other, "", "", ""]
        if ratio is not None:
            cells[3:5] = [f"{rounded(median(self.theirs))} {self.unit}", rounded(ratio)]
        if self.most is not None:
            is_met = (mine if ratio is None else ratio) <= self.most
            cells[5] = f"{'passes' if is_met else 'misses'}: at most {rounded(self.most)}"
        return cells


def rounded(value: float) -> str:
    """Write a number with as many decimals as tell enough."""
    decimals = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{decimals}f}"


def show(title: str, rows: Sequence[Row], size_name: str) -> None:
    """Print a table as Markdown, with its title above and the machine below; the targets are those of the full size."""
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
    """Describe the machine, its load, and the version of Airflow."""
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} processors (load {load:.1f}), {memory:.0f} GB, Airflow {version('apache-airflow')}"


def seconds(act: Callable[[], object]) -> float:
    """Time a call."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def interleave(act: Callable[[int], Mapping[str, float]], rounds: int) -> Rounds:
    """Run rounds that each do every way once, with their numbers from 1; collect their figures by name."""
    collected: dict[str, list[float]] = {}
    for number in range(1, rounds + 1):
        taken = act(number)
        figures = [f"{name} {rounded(value)}" for name, value in taken.items()]
        note(f"Round {number} of {rounds}: {', '.join(figures[:NOTED_FIGURES])}")
        for name, value in taken.items():
            collected.setdefault(name, []).append(value)
    return collected


def copy_database(server: EmbeddedPostgres, source: str, target: str) -> str:
    """Put a copy of a database in the place of another one; return its URL."""
    names = {"source": sql.Identifier(source), "target": sql.Identifier(target)}
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {target} with (force)").format(**names))
        connection.execute(sql.SQL("create database {target} template {source}").format(**names))
    return server.url(target)


def run_script(benchmark: Callable[[str, Path], None]) -> None:
    """Run a benchmark at the size that the environment names, with the folder of the benchmarks in the state folder."""
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
