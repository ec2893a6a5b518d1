"""The extract stage at TikHub's limit, in a real Airflow against the sandbox, beside other ways to do the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import psycopg

from comets.settings import PACE_VARIABLE
from include.stack.output import note, say
from tests.benchmarks import search_ways
from tests.benchmarks.airflow_stack import (
    EMPTY_DAG_ID,
    BenchmarkStack,
    benchmark_stack,
)
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.figures import Comparison, Figure
from tests.benchmarks.search_ways import Outcome, SearchJob
from tests.benchmarks.sizes import Size
from tests.benchmarks.ways import Searches, numbered_hashtags

SEARCH = "fetch_video_search_result"
RUNS = 5


SEARCHES = {
    "default": Searches(numbered_hashtags(20), pages=5, latency_seconds=0.5, per_second=5),
    "full": Searches(numbered_hashtags(100), pages=5, latency_seconds=1, per_second=5),
}


@dataclass(frozen=True)
class Stage:
    """One run of the stage.

    :param calls: searches that were answered
    :param refused_share: searches and profiles that were refused for being too many, in percent
    """

    outcome: Outcome
    tasks: int
    calls: int
    profile_calls: int
    refused_share: float


def run(size: Size, folder: Path) -> list[Figure]:
    """Measure all ways, and check that they find the same videos."""
    job = SearchJob(SEARCHES[size.name], now=datetime.now(UTC).replace(microsecond=0))
    stages, floor = measure_ours(job, folder / "extraction")
    others = search_ways.measure(job, folder / "ways", RUNS)
    require_same({"this package": [stage.outcome for stage in stages], **others})
    tell(job.searches, stages)
    return figures(job.searches, stages, floor, others)


def measure_ours(job: SearchJob, folder: Path) -> tuple[list[Stage], list[float]]:
    """The stage, and the seconds of as many empty tasks."""
    with benchmark_stack(folder, {PACE_VARIABLE: str(job.searches.per_second)}) as stack:
        job.prepare(stack.sandbox)
        stages = [measure_stage(stack, job.searches, number) for number in range(1, RUNS + 1)]
        floor = []
        for number in range(1, RUNS + 1):
            empty = stack.api.run(EMPTY_DAG_ID, {"task_count": stages[0].tasks})
            note(f"Empty tasks, run {number} of {RUNS}: {empty.seconds:.1f} s")
            floor.append(empty.seconds)
        return stages, floor


def measure_stage(stack: BenchmarkStack, searches: Searches, number: int) -> Stage:
    """Make one run with empty tables."""
    tasks = stack.search(searches.hashtags, searches.pages)
    calls = stack.sandbox.calls()
    answered = [call for call in calls if call["path"].endswith(SEARCH) and call["status"] == HTTPStatus.OK]
    refused = [call for call in calls if call["status"] == HTTPStatus.TOO_MANY_REQUESTS]
    with psycopg.connect(stack.creators()) as connection:
        found = frozenset(row[0] for row in connection.execute("select distinct video_id from comet_videos"))
    note(
        f"Extraction, run {number} of {RUNS}: {tasks.seconds:.1f} s for {len(answered)} searches, "
        f"{len(refused)} refused"
    )
    return Stage(
        outcome=Outcome(tasks.seconds, found),
        tasks=tasks.count,
        calls=len(answered),
        profile_calls=len([call for call in calls if not call["path"].endswith(SEARCH)]),
        refused_share=100 * len(refused) / len(calls),
    )


def require_same(outcomes: dict[str, Sequence[Outcome]]) -> None:
    """Compare what was found.

    :raises BenchmarkError: it differs, so that the times are not those of the same job.
    """
    found = {name: {outcome.video_ids for outcome in runs} for name, runs in outcomes.items()}
    if len(set.union(*found.values())) > 1:
        counts = {name: sorted(len(ids) for ids in sets) for name, sets in found.items()}
        raise BenchmarkError(f"The ways did not find the same videos; they found so many: {counts}")
    (ids,) = next(iter(found.values()))
    say(f"All ways found the same {len(ids):,} videos: {', '.join(found)}.")


def tell(searches: Searches, stages: Sequence[Stage]) -> None:
    """Say what the figures do not show."""
    say(
        f"{len(searches.hashtags)} hashtags x {searches.pages} pages, {searches.latency_seconds:g} s latency, "
        f"{searches.per_second} calls/s enforced by 429s; {stages[0].calls} searches in {stages[0].tasks} tasks."
    )
    say(
        f"The stage also reads {stages[0].profile_calls} profiles, which have a pace of their own and count neither in "
        "the ideal nor in the other ways, which read none."
    )


def figures(
    searches: Searches, stages: Sequence[Stage], floor: Sequence[float], others: dict[str, list[Outcome]]
) -> list[Figure]:
    """The figures of the table."""
    ideal = Comparison("ideal: searches / rate", [stage.calls / searches.per_second for stage in stages], most=1.25)
    compared = [Comparison(name, [outcome.seconds for outcome in runs]) for name, runs in others.items()]
    title = (
        f"extract stage, {len(searches.hashtags)} hashtags x {searches.pages} pages at {searches.per_second} calls/s"
    )
    return [
        Figure(
            title,
            "s",
            [stage.outcome.seconds for stage in stages],
            comparisons=[ideal, *compared, Comparison("a Dag of empty tasks", floor)],
        ),
        Figure("calls refused meanwhile", "%", [stage.refused_share for stage in stages], limit=1.0),
    ]
