"""Fresh processes whose time is measured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence

from include.stack.project import PROJECT
from tests.benchmarks.errors import BenchmarkError

SHOWN_CHARS = 2000


def run_python(
    arguments: Sequence[str], seconds: float, *, variables: Mapping[str, str] | None = None, given: str = ""
) -> str:
    """Run a fresh Python in the project's folder; return what it printed.

    :param seconds: how long it may take
    :param variables: its environment; this process's own when left out
    :param given: what it reads
    :raises BenchmarkError: it failed; the text holds the end of what it wrote.
    """
    title = f"python {' '.join(arguments)}"
    try:
        process = subprocess.run(
            [sys.executable, *arguments],
            input=given,
            cwd=PROJECT,
            env=variables,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"{title} did not end within {seconds:.0f} s.") from None
    if process.returncode:
        wrote = (process.stdout + process.stderr)[-SHOWN_CHARS:]
        raise BenchmarkError(f"{title} has failed ({process.returncode}):\n{wrote}")
    return process.stdout
