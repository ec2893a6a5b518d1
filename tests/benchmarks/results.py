"""What a benchmark of many statements shows: a table of all timings, and the plans of its statements."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from include.stack.output import say
from tests.benchmarks.aligned import format_table
from tests.benchmarks.measure import Timing, explain

TEXT_COLUMNS = (0, 4)


@dataclass(frozen=True)
class Results:
    """The timings of a benchmark, each against the same limit in milliseconds.

    :param load: how many processes wanted a processor on average while they were made; this benchmark is one of them
    """

    title: str
    timings: Sequence[Timing]
    limit: float
    load: float

    def show(self) -> None:
        """Print the table, slowest last."""
        rows: list[tuple[str, ...]] = [("", "median", "fastest", "slowest", "")]
        for timing in sorted(self.timings, key=lambda timing: timing.median):
            figures = (timing.median, min(timing.runs), max(timing.runs))
            rows.append((timing.name, *(f"{figure:,.1f} ms" for figure in figures), self.verdict(timing)))
        say(self.title)
        for line in format_table(rows, TEXT_COLUMNS):
            say(line)
        missed = sum(timing.median >= self.limit for timing in self.timings)
        say(f"{len(self.timings) - missed} of {len(self.timings)} medians are under {self.limit:g} ms.")
        say(f"{self.load:.1f} processes wanted one of {os.cpu_count()} processors, one or two of them its own.")

    def verdict(self, timing: Timing) -> str:
        """Whether the median keeps to the limit, in words."""
        return "passes" if timing.median < self.limit else f"misses {self.limit:g} ms"

    def show_plans(self, connection: psycopg.Connection[tuple[object, ...]], path: Path) -> None:
        """Print the plan of each statement, and write it to a file, with the statement too."""
        with path.open("w", encoding="utf-8") as file:
            for timing in self.timings:
                for statement, explained in explain(connection, timing.statements):
                    bound = ", ".join(f"{name}={value!r}" for name, value in statement.parameters.items())
                    plan = f"{timing.name} ({bound})\n{explained}\n"
                    say(plan)
                    print(f"{statement.text.strip()}\n\n{plan}", file=file)
        say(f"Plans, with the statements: {path}")
