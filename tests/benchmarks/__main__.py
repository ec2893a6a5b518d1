"""Command line: `python -m tests.benchmarks [NAME ...]`. `make bench` is the usual way to it."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from include.stack.environment import resolve
from include.stack.errors import StackError
from include.stack.output import note, say
from include.stack.project import PROJECT
from tests.benchmarks import tables
from tests.benchmarks.figures import Figure
from tests.benchmarks.machine import describe, facts
from tests.benchmarks.sizes import SIZES, Size, SizeError, chosen_size

TABLE = "table"
BENCHMARKS = {
    "extraction": "extraction:run",
    "tasks": "tasks:run",
    "small": "small:run",
    "job": "job:run",
    "growth": "growth:run",
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
    except (SizeError, StackError) as error:
        note(f"Error: {error}")
        return 1
    failed = [name for name in arguments or BENCHMARKS if name != TABLE and not is_measured(name, size, folder)]
    everything = tables.kept(folder, size.name, list(BENCHMARKS))
    if set(arguments) != {TABLE}:
        tables.show(f"All benchmarks, size {size.name}, {describe(facts())}", everything)
    markdown = tables.keep_markdown(folder, size.name, everything)
    if TABLE in arguments:
        say(markdown)
    if failed:
        note(f"Error: not measured: {', '.join(failed)}.")
    return 1 if failed else 0


def is_measured(name: str, size: Size, folder: Path) -> bool:
    """Run a benchmark and keep its figures; one that fails does not keep the others, which take hours, from running."""
    try:
        figures = load(BENCHMARKS[name])(size, folder)
    except StackError as error:
        note(f"Error: {name}: {error}")
        return False
    except Exception:
        note(f"Error: {name}: {traceback.format_exc()}")
        return False
    tables.show(f"{name}, size {size.name}, {describe(facts())}", figures)
    tables.keep(folder, size.name, name, figures)
    return True


def load(name: str) -> Benchmark:
    """Find a benchmark's function; the modules of the others are not imported."""
    sys.path.append(str(PROJECT / "plugins"))
    module, function = name.split(":")
    benchmark: Benchmark = getattr(importlib.import_module(f"tests.benchmarks.{module}"), function)
    return benchmark


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
