"""Command line: `python -m tests.benchmarks [NAME ...]`. `make bench` is the usual way to it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from include.stack.environment import resolve
from include.stack.errors import StackError
from include.stack.output import note, say
from tests.benchmarks import tables
from tests.benchmarks.machine import describe, facts
from tests.benchmarks.running import BENCHMARKS, is_measured_apart
from tests.benchmarks.sizes import SIZES, SizeError, chosen_size

TABLE = "table"
USAGE = f"""usage: make bench [ARGS="NAME ..."] [SIZE={"|".join(SIZES)}]

benchmarks: {", ".join(BENCHMARKS)}; all of them when none is named.
{TABLE}: measures nothing, and prints the last figures of all of them as Markdown"""


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
    failed = [name for name in arguments or BENCHMARKS if name != TABLE and not is_measured_apart(name, size, folder)]
    everything = tables.kept(folder, size.name, list(BENCHMARKS))
    if set(arguments) != {TABLE}:
        tables.show(f"All benchmarks, size {size.name}, {describe(facts())}", everything)
    markdown = tables.keep_markdown(folder, size.name, everything)
    if TABLE in arguments:
        say(markdown)
    if failed:
        note(f"Error: not measured: {', '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
