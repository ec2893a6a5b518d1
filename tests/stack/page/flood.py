"""A flood of requests: `python -m tests.stack.page.flood URL SECONDS`, with an API token on standard input.

It has a process of its own, so that the test's clock does not wait for its threads.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import requests

PARALLEL = 50
CREATOR = "creators/6800000000000000001"
VIEWS = (
    "leaderboard.json?size=200&date=2026-02-28&band=all",
    "hashtags?days=366",
    CREATOR,
    "leaderboard.csv?size=200&date=2026-02-28&band=all",
    f"{CREATOR}/days.json",
    "runs?size=200",
)


def main(url: str, seconds: float, token: str) -> None:
    """Request the views from all threads until the time is over; print the number of responses by status as JSON."""
    ends_at = time.monotonic() + seconds
    with ThreadPoolExecutor(PARALLEL) as threads:
        counts = threads.map(lambda number: request_until(ends_at, url, token, number), range(PARALLEL))
        print(json.dumps(sum(counts, Counter())))


def request_until(ends_at: float, url: str, token: str, number: int) -> Counter[str]:
    """Request one view after the other; return the number of responses by status."""
    statuses: Counter[str] = Counter()
    with requests.Session() as session:
        session.trust_env = False
        session.cookies["_token"] = token
        while time.monotonic() < ends_at:
            view = VIEWS[number % len(VIEWS)]
            try:
                reply = session.get(f"{url}/comets/{view}", timeout=120)
                statuses[str(reply.status_code)] += 1
            except requests.RequestException as error:
                statuses[type(error).__name__] += 1
            number += 1
    return statuses


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.stdin.read())
