"""What should stay small: the time to parse the Dag's file, the memory of a task, the time of the demo."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from include.stack.environment import resolve
from include.stack.output import note
from include.stack.project import PROJECT
from tests.benchmarks.airflow_stack import (
    EMPTY_DAG_ID,
    NOTHING_CONFIGURED,
    BenchmarkStack,
    MappedTasks,
    benchmark_stack,
)
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import run_python
from tests.benchmarks.sizes import Size
from tests.benchmarks.task_memory import watched_tasks

RUNS = 5
PARSE_RUNS = 15
"""Of processes of a second each, which differ by more than what is measured."""
DEMO_RUNS = {"default": 1, "full": RUNS}
DEMO_SECONDS = 1800

BASE = "import runpy, sys, airflow.sdk"
PARSE = f"{BASE}; runpy.run_path(sys.argv[1])"

TASKS, PAGES, LATENCY_SECONDS = 4, 5, 0.2


def run(size: Size, folder: Path) -> list[Figure]:
    """Measure all three."""
    waited, worked = parse_seconds(folder / "parse")
    return [
        Figure("Dag file over import airflow.sdk", "s", waited, limit=0.2),
        Figure("the same, time of the processor", "s", worked, limit=0.2),
        Figure("mapped extract task over an empty task, peak memory", "MB", memory(folder / "memory"), limit=60),
        Figure("make demo, without installation", "s", demo_seconds(folder / "demo", DEMO_RUNS[size.name]), limit=180),
    ]


def parse_seconds(folder: Path) -> tuple[list[float], list[float]]:
    """What the Dag's file adds to a fresh process that imports Airflow, by turns with one that only does that.

    :return: seconds by the clock, and seconds of the processor, which other work on the machine changes less
    """
    shutil.rmtree(folder, ignore_errors=True)
    variables = resolve({**own_variables(), "COMETS_STATE_DIR": str(folder)}).variables
    dag_file = str(PROJECT / "dags" / "comet_discovery.py")
    # The first pair writes compiled files and Airflow's own configuration.
    pairs = [
        (process_seconds(["-c", BASE], variables), process_seconds(["-c", PARSE, dag_file], variables))
        for _ in range(PARSE_RUNS + 1)
    ][1:]
    shutil.rmtree(folder, ignore_errors=True)
    waited = [parse[0] - base[0] for base, parse in pairs]
    worked = [parse[1] - base[1] for base, parse in pairs]
    note(f"Dag file: {', '.join(f'{second:.2f} s' for second in waited)}")
    return waited, worked


def memory(folder: Path) -> list[float]:
    """The median peak of extract tasks less that of empty ones, in MB."""
    hashtags = [f"bench{number}" for number in range(TASKS)]
    differences = []
    with benchmark_stack(folder) as stack:
        stack.sandbox.set_latency(LATENCY_SECONDS)
        for number in range(1, RUNS + 1):
            extract = peak(lambda: stack.search(hashtags, PAGES))
            empty = peak(lambda: empty_tasks(stack))
            note(f"Memory, run {number} of {RUNS}: extract {extract:.1f} MB, empty {empty:.1f} MB")
            differences.append(extract - empty)
    return differences


def empty_tasks(stack: BenchmarkStack) -> MappedTasks:
    """As many tasks that do nothing."""
    return stack.api.run(EMPTY_DAG_ID, {"task_count": TASKS})


def peak(act: Callable[[], MappedTasks]) -> float:
    """The median peak of the mapped tasks of a run, in MB.

    :raises BenchmarkError: none was seen, as on a machine without /proc.
    """
    with watched_tasks() as peaks:
        tasks = act()
    seen = [peaks[instance_id] for instance_id in tasks.instance_ids if instance_id in peaks]
    if not seen:
        raise BenchmarkError("No task was seen at work: the memory of tasks is read from /proc, which only Linux has.")
    return median(seen)


def demo_seconds(folder: Path, runs: int) -> list[float]:
    """How long the demo takes from nothing, with ports of its own."""
    seconds = []
    for number in range(1, runs + 1):
        shutil.rmtree(folder, ignore_errors=True)
        variables = {
            **own_variables(),
            "COMETS_STATE_DIR": str(folder),
            "COMETS_UI_PORT": "",
            "COMETS_SANDBOX_PORT": "",
        }
        seconds.append(process_seconds(["-m", "include.stack", "demo"], variables, DEMO_SECONDS)[0])
        note(f"Demo, run {number} of {runs}: {seconds[-1]:.0f} s")
    shutil.rmtree(folder, ignore_errors=True)
    return seconds


def own_variables() -> dict[str, str]:
    """The environment without what the caller has configured."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(("AIRFLOW_", "COMETS_"))}
    return {**inherited, **NOTHING_CONFIGURED}


def process_seconds(arguments: Sequence[str], variables: Mapping[str, str], most: float = 120) -> tuple[float, float]:
    """How long a fresh Python takes: by the clock, and of the processor."""
    begun, used = time.perf_counter(), children_seconds()
    run_python(arguments, most, variables=variables)
    return time.perf_counter() - begun, children_seconds() - used


def children_seconds() -> float:
    """Time of the processor that the ended processes of this one have taken."""
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
