"""Command line: `python -m tests.benchmarks [NAME ...]`. `make bench` is the usual way to it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from include.stack.environment import resolve
from include.stack.errors import StackError
from include.stack.output import note
from include.stack.project import PROJECT
from tests.benchmarks import tables
from tests.benchmarks.figures import Figure
from tests.benchmarks.sizes import SIZES, Size, SizeError, chosen_size

TABLE = "table"
BENCHMARKS = {
    "extraction": "extraction:run",
    "tasks": "tasks:run",
    "small": "small:run",
    "job": "job:run",
    "new-date": "new_date:run",
    "page-views": "page_views:run",
}
"""What can be measured: a function of this package that gets the size and a folder for all that it keeps."""

USAGE = f"""usage: make bench [ARGS="NAME ..."] [SIZE={"|".join(SIZES)}]

benchmarks: {", ".join(BENCHMARKS)}; all of them when none is named.
{TABLE}: measures nothing, and prints the last figures of all of them as Markdown"""

Benchmark = Callable[[Size, Path], Sequence[Figure]]


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks that are named; return the exit code."""
    unknown = [name for name in arguments if name not in {*BENCHMARKS, TABLE}]
    if unknown:
        note(USAGE)
        return 0 if unknown[0] in {"-h", "--help"} else 2
    try:
        size = chosen_size()
        folder = resolve().state.benchmarks
        folder.mkdir(parents=True, exist_ok=True)
        for name in (name for name in arguments or BENCHMARKS if name != TABLE):
            figures = load(BENCHMARKS[name])(size, folder)
            tables.show(f"{name}, size {size.name}, {tables.machine()}", figures)
            tables.keep(folder, size.name, name, figures)
        everything = tables.kept(folder, size.name, list(BENCHMARKS))
        if TABLE in arguments:
            tables.show_markdown(everything)
        else:
            tables.show(f"All benchmarks, size {size.name}, {tables.machine()}", everything)
    except (SizeError, StackError) as error:
        note(f"Error: {error}")
        return 1
    return 0


def load(name: str) -> Benchmark:
    """Find a benchmark's function; the modules of the others are not imported."""
    sys.path.append(str(PROJECT / "plugins"))
    module, function = name.split(":")
    benchmark: Benchmark = getattr(importlib.import_module(f"tests.benchmarks.{module}"), function)
    return benchmark


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
