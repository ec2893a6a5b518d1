"""The extract stage at TikHub's rate limit in a real Airflow, compared with the ideal: searches / calls per second.

The stage is timed from the end of the previous task, so it includes the start of a process per task. It also fetches
profiles of authors with hidden counts, which are not in the ideal: their route has its own rate limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from include.stack.postgres import EmbeddedPostgres
from tests.benchmarks.common import SEARCH_PATH, Row, copy_database, interleave, run_script, show
from tests.benchmarks.stack import Searches, Stack, searching_stack

ROUNDS = 3
SEARCHES = {
    "small": Searches(20, pages=5, latency_seconds=0.5, per_second=5),
    "full": Searches(100, pages=5, latency_seconds=1, per_second=5),
}
STAGE, IDEAL, REFUSED = "extract stage", "calls / rate", "calls rejected"
# Without creators, so that a run ends soon after the stage.
EMPTY_BAND = {"min_followers": 2_000_000_000, "max_followers": 2_000_000_000}


def main(size_name: str, folder: Path) -> None:
    """Print the ratio."""
    searches = SEARCHES[size_name]
    with searching_stack(folder / "extraction", searches) as (stack, server):
        copy_database(server, "creators", "pristine")
        rounds = interleave(lambda number: measure(stack, server, searches), ROUNDS)
    rows = [
        Row(f"{STAGE}, {searches}", rounds[STAGE], IDEAL, rounds[IDEAL], target=1.25),
        Row(REFUSED, rounds[REFUSED], target=1, unit="%"),
    ]
    show("Extraction", rows, size_name)


def measure(stack: Stack, server: EmbeddedPostgres, searches: Searches) -> Mapping[str, float]:
    """Run the Dag once with empty tables."""
    now = datetime.now(UTC).replace(microsecond=0)
    copy_database(server, "pristine", "creators")
    stack.limit(searches, now)
    times = stack.run(searches, now, **EMPTY_BAND)
    calls = stack.sandbox.calls()
    answered = sum(call["path"].endswith(SEARCH_PATH) and call["status"] == HTTPStatus.OK for call in calls)
    refused = sum(call["status"] == HTTPStatus.TOO_MANY_REQUESTS for call in calls)
    return {
        STAGE: times.extract_seconds,
        IDEAL: answered / searches.per_second,
        REFUSED: 100 * refused / len(calls),
    }


if __name__ == "__main__":
    run_script(main)
