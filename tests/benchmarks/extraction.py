"""The extract stage at TikHub's limit in a real Airflow, beside calls / rate, the original's way, and dlt.

The stage is timed from the end of the task before it to its own end, which has the start of a process for each task in
it. The other ways are timed without imports. All ask the same sandbox, which refuses what is over the limit, and write
into the same PostgreSQL; Airflow idles beside them. The original stores authors and no videos, and dlt no answers; a
Dag run also keeps every answer and can be resumed after each call.

Each way has to find the same videos. The ideal counts searches only: the stage also reads profiles of authors whose
count the search hides, at a pace of their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psycopg

from comets.settings import PACE_VARIABLE
from include.stack.postgres import EmbeddedPostgres
from tests.benchmarks.common import (
    SEARCH_PATH,
    BenchmarkError,
    Row,
    copy_database,
    interleave,
    run_script,
    seconds,
    show,
)
from tests.benchmarks.dlt_way import DltWay
from tests.benchmarks.original import OriginalWay
from tests.benchmarks.stack import Searches, Stack, running_stack

ROUNDS = 3
SEARCHES = {
    "small": Searches(10, pages=5, latency_seconds=0.5, per_second=5),
    "full": Searches(100, pages=5, latency_seconds=1, per_second=5),
}
OURS, ORIGINAL, DLT, IDEAL, REFUSED = "this package", "the original's way", "dlt", "calls / rate", "refused"
# No creator is in this band, so that a run ends soon after the stage.
EMPTY_BAND = {"min_followers": 2_000_000_000, "max_followers": 2_000_000_000}


def main(size_name: str, folder: Path) -> None:
    """Print the ratios."""
    searches = SEARCHES[size_name]
    work = folder / "extraction"
    shutil.rmtree(work, ignore_errors=True)
    with EmbeddedPostgres(work / "creators") as server:
        server.create_database("creators")
        pace = {PACE_VARIABLE: str(searches.per_second)}
        with running_stack(work / "stack", server.url("creators"), pace) as stack:
            copy_database(server, "creators", "pristine")
            rounds = interleave(lambda number: measure(stack, server, searches, number), ROUNDS)
    shutil.rmtree(work, ignore_errors=True)
    name = f"extract stage, {searches}"
    compared = [
        Row(name, rounds[OURS], other, rounds[other], most=1.25 if other == IDEAL else None)
        for other in (IDEAL, ORIGINAL, DLT)
    ]
    show("Extraction", [*compared, Row("calls refused meanwhile", rounds[REFUSED], most=1, unit="%")], size_name)


def measure(stack: Stack, server: EmbeddedPostgres, searches: Searches, number: int) -> Mapping[str, float]:
    """Search once in each way.

    :raises BenchmarkError: they found different videos.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    stack.limit(searches, now)
    url = copy_database(server, "pristine", "creators")
    times = stack.run(searches, datetime.now(UTC), **EMPTY_BAND)
    with psycopg.connect(url) as connection:
        found = {OURS: {video_id for (video_id,) in connection.execute("select video_id from comet_videos")}}
    calls = stack.sandbox.calls()
    taken = {OURS: times.extract_seconds, IDEAL: answered_searches(calls) / searches.per_second}
    taken[REFUSED] = 100 * sum(call["status"] == HTTPStatus.TOO_MANY_REQUESTS for call in calls) / len(calls)

    for name, make_way in ((ORIGINAL, OriginalWay), (DLT, DltWay)):
        stack.limit(searches, now)
        database = f"{make_way.__name__}_{number}"
        server.create_database(database)
        way = make_way(stack.sandbox.url, server.url(database))

        def search(name: str = name, way: OriginalWay | DltWay = way) -> None:
            found[name] = way.search(searches.hashtags, searches.pages)

        taken[name] = seconds(search)
    if len({frozenset(videos) for videos in found.values()}) > 1:
        counts = {name: len(videos) for name, videos in found.items()}
        raise BenchmarkError(f"The ways found different videos: {counts}")
    return taken


def answered_searches(calls: list[dict[str, Any]]) -> int:
    """Count the searches that TikHub has answered."""
    return sum(call["path"].endswith(SEARCH_PATH) and call["status"] == HTTPStatus.OK for call in calls)


if __name__ == "__main__":
    run_script(main)
