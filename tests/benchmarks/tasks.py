"""What Airflow itself costs when hashtags are many, against the time that their calls take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from comets.groups import group_hashtags
from comets.settings import DEFAULT_SETTINGS_FILE, MAX_MAPPED_TASKS, load_settings
from include.stack.output import note
from tests.benchmarks.airflow_stack import EMPTY_DAG_ID, MappedTasks, benchmark_stack
from tests.benchmarks.figures import Comparison, Figure
from tests.benchmarks.sizes import Size

RUNS = 5
MANY = (1_001, 2_500, 10_000)
GROUPED = 2_500
"""So many hashtags make the groups whose calls Airflow's cost is compared with."""


@dataclass(frozen=True)
class Shape:
    """How much is run.

    :param empty_tasks: mapped ones that do nothing
    :param hashtags: of a real run with one page each
    """

    empty_tasks: int
    hashtags: int


SHAPES = {"default": Shape(empty_tasks=100, hashtags=100), "full": Shape(empty_tasks=500, hashtags=1_001)}


@dataclass(frozen=True)
class Cost:
    """What each mapped task of a run has taken: tasks run side by side, so it is the time of all by their number."""

    tasks: int
    seconds: float


def run(size: Size, folder: Path) -> list[Figure]:
    """Count the tasks, and measure what they cost."""
    shape = SHAPES[size.name]
    settings = load_settings(DEFAULT_SETTINGS_FILE)
    pages, rate = settings.search.pages_per_hashtag, settings.pace.requests_per_second
    groups = {count: group_hashtags(made_up(count), pages, settings) for count in MANY}
    calls = len(groups[GROUPED][0]) * pages
    empty, real = measure(shape, folder / "tasks")
    share_of = f"the {calls / rate:g} s that the {calls} calls of a task take at {rate:g} call/s"

    def shares(costs: Sequence[Cost]) -> list[float]:
        return [100 * cost.seconds * rate / calls for cost in costs]

    nothing = Comparison("one that does nothing", [cost.seconds for cost in empty])
    return [
        *(Figure(f"mapped tasks of {n:,} hashtags", "tasks", [len(groups[n])], limit=MAX_MAPPED_TASKS) for n in MANY),
        Figure(f"one of {empty[0].tasks:,} mapped tasks that do nothing", "s", [cost.seconds for cost in empty]),
        Figure(f"the same, of {share_of}", "%", shares(empty), limit=10),
        Figure(
            f"one of {real[0].tasks:,} extract tasks of {shape.hashtags:,} hashtags x 1 page, without pace and latency",
            "s",
            [cost.seconds for cost in real],
            comparisons=[nothing],
        ),
        Figure(f"the same, of {share_of}", "%", shares(real), limit=10),
    ]


def measure(shape: Shape, folder: Path) -> tuple[list[Cost], list[Cost]]:
    """The cost of tasks that do nothing, and of extract tasks with next to no call: all that is not TikHub's pace.

    A stack with the sandbox keeps no pace, and has as many slots as the package ever takes by itself.
    """
    run_numbers = [f"run {number} of {RUNS}" for number in range(1, RUNS + 1)]
    with benchmark_stack(folder) as stack:
        empty = [
            cost_of(f"Empty tasks, {run_number}", stack.api.run(EMPTY_DAG_ID, {"task_count": shape.empty_tasks}))
            for run_number in run_numbers
        ]
        real = [
            cost_of(f"Extract tasks, {run_number}", stack.search(made_up(shape.hashtags), pages=1))
            for run_number in run_numbers
        ]
        return empty, real


def cost_of(title: str, tasks: MappedTasks) -> Cost:
    """What a task of a run has taken."""
    note(f"{title}: {tasks.seconds:.0f} s for {tasks.count}")
    return Cost(tasks.count, tasks.seconds / tasks.count)


def made_up(count: int) -> list[str]:
    """So many hashtags."""
    return [f"bench{number:05d}" for number in range(count)]
