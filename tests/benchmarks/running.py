"""The benchmarks by their names, and how one of them is run."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from include.stack.errors import StackError
from include.stack.output import note
from include.stack.project import PROJECT
from tests.benchmarks import tables
from tests.benchmarks.figures import Figure
from tests.benchmarks.machine import describe, facts
from tests.benchmarks.sizes import Size

Benchmark = Callable[[Size, Path], Sequence[Figure]]

BENCHMARKS = {
    "extraction": "extraction:run",
    "tasks": "tasks:run",
    "small": "small:run",
    "job": "job:run",
    "growth": "growth:run",
    "page-views": "page_views:run",
}
"""What can be measured: a function of this package that gets the size and a folder for all that it keeps."""


def is_measured_apart(name: str, size: Size, folder: Path) -> bool:
    """Run a benchmark in a process of its own: Airflow reads its environment once, and each benchmark sets its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(is_measured, name, size, folder).result()
        except BrokenProcessPool:
            note(f"Error: {name}: its process has died.")
            return False


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
