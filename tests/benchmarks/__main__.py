"""Run benchmarks by name, or all: `make bench ARGS="growth page_views"`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from include.stack.output import note
from include.stack.project import PROJECT
from tests.benchmarks.common import SIZES

SCRIPTS = ("extraction", "growth", "storage", "page_views", "job")
USAGE = f"""usage: make bench [ARGS="NAME ..."] [SIZE={"|".join(SIZES)}]
benchmarks: {", ".join(SCRIPTS)}"""


def main(names: Sequence[str]) -> int:
    """Run each benchmark in its own process, as Airflow reads its environment once; return the exit code."""
    if not set(names) <= set(SCRIPTS):
        note(USAGE)
        return 2
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT / "plugins"), str(PROJECT)])}
    commands = {name: [sys.executable, "-m", f"tests.benchmarks.{name}"] for name in names or SCRIPTS}
    failed = [name for name, command in commands.items() if subprocess.call(command, cwd=PROJECT, env=variables)]
    if failed:
        note(f"Error: failed benchmarks: {', '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
