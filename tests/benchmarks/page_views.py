"""Response times of every view of the Comets page over HTTP, on a long history.

Times include authentication, the database's connection and query, and rendering.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import requests

from tests.benchmarks.common import BenchmarkError, Row, interleave, run_script, show
from tests.benchmarks.seed import SIZES, Size, connect, history
from tests.benchmarks.stack import running_stack

ROUNDS = 5
TIMEOUT_SECONDS = 60
MAX_MILLISECONDS = 300
HASHTAG, RARE_TEXT, FREQUENT_TEXT = "topic007", "otter4321", "otter"
GROWTH_SORTS = ("followers", "growth", "rate", "growth_1d", "growth_7d", "growth_30d", "acceleration")
SORTS = (*GROWTH_SORTS, "engagement", "reach", "breakout", "score")


def main(size_name: str, folder: Path) -> None:
    """Print the times of every view, and the median and slowest view."""
    size = SIZES[size_name]
    with (
        history(folder, size) as url,
        running_stack(folder / "page_views", url) as stack,
        requests.Session() as session,
    ):
        session.trust_env = False
        session.cookies["_token"] = str(stack.api.client.configuration.access_token)
        session.headers["Accept"] = "text/html,*/*;q=0.8"
        wanted = views(url, size)
        measure(session, stack.api.url, wanted)
        rounds = interleave(lambda number: measure(session, stack.api.url, wanted), ROUNDS)
    rows = [
        Row(f"/comets/{name}", rounds[name], target=MAX_MILLISECONDS, unit="ms")
        for name in sorted(wanted, key=lambda name: median(rounds[name]))
    ]
    title = f"Views of the page, {size.creators:,} creators with {size.dates - 1} dates, slowest last"
    show(title, rows, size_name)
    show(f"Median and slowest of {len(rows)} views", [rows[len(rows) // 2], rows[-1]], size_name)


def measure(session: requests.Session, url: str, wanted: list[str]) -> Mapping[str, float]:
    """Fetch each view once; return milliseconds.

    :raises BenchmarkError: a view failed.
    """
    taken = {}
    for path in wanted:
        begun = time.perf_counter()
        reply = session.get(f"{url}/comets/{path}", timeout=TIMEOUT_SECONDS, allow_redirects=False)
        taken[path] = 1000 * (time.perf_counter() - begun)
        if reply.status_code != requests.codes.ok:
            raise BenchmarkError(f"/comets/{path} returned HTTP {reply.status_code}: {reply.text[:500]}")
    return taken


def views(url: str, size: Size) -> list[str]:
    """Return the paths of every view: first and last pages, each order, each filter, a large creator, exports."""
    with connect(url) as connection:
        row = connection.execute(
            "select user_id from comet_scores where recorded_date = %s order by video_count desc, user_id limit 1",
            [size.last_date],
        ).fetchone()
    creator = f"creators/{row[0] if row else ''}"
    bands = ("10k-25k", "25k-50k", "50k-100k", "below", "above", "all")
    middle = f"date={size.middle_date}"
    return [
        "",
        *(f"?sort={sort}" for sort in SORTS),
        *(f"?sort={sort}&order=asc" for sort in SORTS),
        *(f"?band={band}" for band in bands),
        "?page=1000000",
        "?page=1000000&band=all&sort=score",
        "?size=200",
        f"?{middle}",
        f"?hashtag={HASHTAG}",
        f"?hashtag={HASHTAG}&{middle}",
        f"?search={RARE_TEXT}",
        f"?search={FREQUENT_TEXT}",
        f"?hashtag={HASHTAG}&search={FREQUENT_TEXT}",
        "leaderboard.csv?size=200",
        "leaderboard.json?size=200&band=all",
        creator,
        f"{creator}?{middle}",
        *(f"{creator}/{table}" for table in ("days.csv", "parts.json", "videos.csv")),
        *(f"hashtags?days={days}" for days in (30, 90, 366)),
        "hashtags?sort=trend",
        "hashtags.csv?days=90",
        "runs",
        "runs?page=1000000",
        "runs?size=200",
        "runs.json?size=200",
        "latest?dag=comet_discovery&framed=1",
    ]


if __name__ == "__main__":
    run_script(main)
