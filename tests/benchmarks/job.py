"""The whole job of a day in a real Airflow, from the searches to the recorded growth, beside other ways to do it.

The day before has been done already, so that creators are tracked. The sandbox's clock stands still on each day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from comets.settings import DAG_ID, PACE_VARIABLE
from include.stack.environment import SANDBOX_DATABASE
from include.stack.output import note, say
from include.stack.postgres import EmbeddedPostgres
from tests.benchmarks import job_ways
from tests.benchmarks.airflow_stack import (
    EMPTY_DAG_ID,
    MOST_CALLS,
    BenchmarkStack,
    MappedTasks,
    benchmark_stack,
    copy_database,
)
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.figures import Comparison, Figure
from tests.benchmarks.job_criteria import CRITERIA
from tests.benchmarks.job_ways import DayJob, DayOutcome, moment, rows_of
from tests.benchmarks.sizes import Size
from tests.benchmarks.ways import Searches, numbered_hashtags

RUNS = 5
DAY_BEFORE_DATABASE = "day_before"


SEARCHES = {
    "default": Searches(numbered_hashtags(5), pages=2, latency_seconds=0.2, per_second=5),
    "full": Searches(numbered_hashtags(20), pages=5, latency_seconds=0.5, per_second=5),
}


def run(size: Size, folder: Path) -> list[Figure]:
    """Measure all ways, and check that they leave the same snapshots."""
    # Both days are over for Airflow, so that midnight may pass meanwhile.
    last_day = datetime.now(UTC).date() - timedelta(days=2)
    job = DayJob(SEARCHES[size.name], (last_day - timedelta(days=1), last_day))
    ours, floor, calls = measure_ours(job, folder / "job")
    others = job_ways.measure(job, folder / "job-ways", RUNS)
    count = require_same({"this package": ours, **others})
    made = ", ".join(f"{number} of {route}" for route, number in sorted(calls.items()))
    limits = f"{job.searches.latency_seconds:g} s latency, {job.searches.per_second} calls/s"
    say(f"{limits} of a route; calls of our last run: {made}.")
    say("Ours also keeps every video and every answer, checks them at two gates, works out scores, and can be resumed.")
    return figures(job.searches, count, ours, floor, others)


def figures(
    searches: Searches,
    creator_count: int,
    ours: Sequence[DayOutcome],
    floor: Sequence[float],
    others: Mapping[str, Sequence[DayOutcome]],
) -> list[Figure]:
    """The figure of the table."""
    compared = [Comparison(name, [outcome.seconds for outcome in runs]) for name, runs in others.items()]
    return [
        Figure(
            f"whole job, {len(searches.hashtags)} hashtags x {searches.pages} pages and {creator_count} creators "
            f"at {searches.per_second} calls/s",
            "s",
            [outcome.seconds for outcome in ours],
            comparisons=[*compared, Comparison("a Dag of empty tasks", floor)],
        )
    ]


def measure_ours(job: DayJob, folder: Path) -> tuple[list[DayOutcome], list[float], dict[str, int]]:
    """The second day, the seconds of as many empty tasks, and the calls of a day by route."""
    with benchmark_stack(folder, {PACE_VARIABLE: str(job.searches.per_second)}) as stack:
        job.searches.prepare(stack.sandbox)
        server = EmbeddedPostgres(stack.environment.state.postgres)
        run_day(stack, job, job.days[0], 0)
        copy_database(server, SANDBOX_DATABASE, DAY_BEFORE_DATABASE)
        outcomes, task_count = [], 0
        for number in range(1, RUNS + 1):
            copy_database(server, DAY_BEFORE_DATABASE, SANDBOX_DATABASE)
            stack.sandbox.clear_calls()
            tasks = run_day(stack, job, job.days[1], number)
            rows = frozenset(rows_of(stack.creators(), "creator_stats", job.days[1]))
            outcomes.append(DayOutcome(tasks.run_seconds, rows))
            task_count = tasks.count
            note(f"Whole job, run {number} of {RUNS}: {tasks.run_seconds:.1f} s, {len(rows)} creators")
        calls = Counter(call["route"] for call in stack.sandbox.calls())
        floor = []
        for number in range(1, RUNS + 1):
            floor.append(stack.api.run(EMPTY_DAG_ID, {"task_count": task_count}).run_seconds)
            note(f"Empty tasks, run {number} of {RUNS}: {floor[-1]:.1f} s")
        return outcomes, floor, calls


def run_day(stack: BenchmarkStack, job: DayJob, day: date, number: int) -> MappedTasks:
    """Run our Dag for a day; runs of the same day differ by their minute."""
    stack.sandbox.set_clock(moment(day))
    conf = {
        "hashtags": [*job.searches.hashtags],
        "pages_per_hashtag": job.searches.pages,
        "max_api_calls": MOST_CALLS,
        **asdict(CRITERIA),
    }
    return stack.api.run(DAG_ID, conf, moment(day) + timedelta(minutes=number))


def require_same(outcomes: Mapping[str, Sequence[DayOutcome]]) -> int:
    """Compare what was recorded; return of how many creators.

    :raises BenchmarkError: it differs, so that the times are not those of the same job.
    """
    found = {name: {outcome.rows for outcome in runs} for name, runs in outcomes.items()}
    if len(set.union(*found.values())) > 1:
        counts = {name: sorted(len(rows) for rows in sets) for name, sets in found.items()}
        raise BenchmarkError(f"The ways did not record the same; they recorded so many creators: {counts}")
    (rows,) = next(iter(found.values()))
    say(f"All ways recorded the same followers and growth of {len(rows):,} creators: {', '.join(found)}.")
    return len(rows)
