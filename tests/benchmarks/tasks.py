"""What Airflow itself costs when hashtags are many, against the time that their calls take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from comets.groups import group_hashtags
from comets.pace import pause
from comets.settings import DEFAULT_SETTINGS_FILE, MAX_MAPPED_TASKS, PACE_VARIABLE, load_settings
from include.stack.output import note
from tests.benchmarks.airflow_stack import EMPTY_DAG_ID, benchmark_stack
from tests.benchmarks.figures import Figure
from tests.benchmarks.sizes import Size

RUNS = 5
MANY = (1_001, 2_500, 10_000)
GROUPED = 2_500
"""So many hashtags make the groups whose calls Airflow's cost is compared with."""


@dataclass(frozen=True)
class Shape:
    """How much is run, and how fast the sandbox may be asked.

    :param empty_tasks: mapped ones that do nothing
    :param hashtags: of a real run with one page each, which is a fifth of the calls that the settings ask for
    """

    empty_tasks: int
    hashtags: int
    per_second: int


SHAPES = {
    "default": Shape(empty_tasks=100, hashtags=100, per_second=5),
    "full": Shape(empty_tasks=500, hashtags=1_001, per_second=5),
}


def run(size: Size, folder: Path) -> list[Figure]:
    """Count the tasks, and measure what they cost."""
    shape = SHAPES[size.name]
    settings = load_settings(DEFAULT_SETTINGS_FILE)
    pages, rate = settings.search.pages_per_hashtag, settings.pace.requests_per_second
    groups = {count: group_hashtags(made_up(count), pages, settings) for count in MANY}
    calls = len(groups[GROUPED][0]) * pages
    costs, overheads = measure(shape, folder / "tasks")
    return [
        *(Figure(f"mapped tasks of {n:,} hashtags", "", [len(groups[n])], limit=MAX_MAPPED_TASKS) for n in MANY),
        Figure(f"one of {shape.empty_tasks:,} mapped tasks that do nothing", "s", costs),
        Figure(
            f"the same, of the {calls / rate:g} s that the {calls} calls of a task take at {rate:g} call/s",
            "%",
            [100 * cost * rate / calls for cost in costs],
            limit=10,
        ),
        Figure(
            f"extract stage of {shape.hashtags:,} hashtags x 1 page at {shape.per_second} calls/s, "
            "beyond the pauses between its searches",
            "%",
            overheads,
            limit=10,
        ),
    ]


def measure(shape: Shape, folder: Path) -> tuple[list[float], list[float]]:
    """Seconds of each task that does nothing, and by how many percent a real stage is longer than its pauses.

    Tasks run side by side: the cost of one is the time in which Airflow gets through all of them, divided by their
    number.
    """
    with benchmark_stack(folder, {PACE_VARIABLE: str(shape.per_second)}) as stack:
        costs, overheads = [], []
        ideal = shape.hashtags * pause(shape.per_second).total_seconds()
        for number in range(1, RUNS + 1):
            empty = stack.api.run(EMPTY_DAG_ID, {"task_count": shape.empty_tasks})
            costs.append(empty.seconds / empty.count)
            note(f"Empty tasks, run {number} of {RUNS}: {empty.seconds:.0f} s for {empty.count}")
        for number in range(1, RUNS + 1):
            real = stack.search(made_up(shape.hashtags), pages=1)
            overheads.append(100 * (real.seconds / ideal - 1))
            note(
                f"Hashtags, run {number} of {RUNS}: {real.seconds:.0f} s in {real.count} tasks; {ideal:.0f} s of pauses"
            )
        return costs, overheads


def made_up(count: int) -> list[str]:
    """So many hashtags."""
    return [f"bench{number:05d}" for number in range(count)]
