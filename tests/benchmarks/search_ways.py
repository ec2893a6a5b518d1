"""Other ways to search hashtags: `python -m tests.benchmarks.search_ways WAY < arguments.json`."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from include.sandbox.client import SandboxClient
from tests.benchmarks import ways
from tests.benchmarks.ways import Program, Searches, Way, find

WAYS = {
    "original": Way("the original's way", "original:run_original", is_waiting=True),
    "dlt": Way("dlt", "dlt_job:run_dlt", prepare="dlt_pipeline:load_dlt", library="dlt"),
}
"""Their functions get sandbox_url, hashtags, pages, database_url, and return the ids of the videos."""


@dataclass(frozen=True)
class SearchJob:
    """What is searched on one day.

    :param now: where the sandbox's clock stands
    """

    searches: Searches
    now: datetime

    def prepare(self, sandbox: SandboxClient) -> None:
        """Make a sandbox like that."""
        self.searches.prepare(sandbox)
        sandbox.set_clock(self.now)


@dataclass(frozen=True)
class Outcome:
    """What one run of a way has taken and found."""

    seconds: float
    video_ids: frozenset[str]


def measure(job: SearchJob, folder: Path, runs: int) -> dict[str, list[Outcome]]:
    """Run each way that is installed so many times; return what came of it by the way's name."""
    arguments = {"hashtags": list(job.searches.hashtags), "pages": job.searches.pages}
    program = Program("search_ways", arguments)
    return {
        way.name: [
            Outcome(answer["seconds"], frozenset(answer["video_ids"]))
            for answer in ways.measure(key, way, program, job.prepare, folder, runs)
        ]
        for key, way in ways.installed(WAYS)
    }


def search(way: str, **arguments: Any) -> dict[str, Any]:
    """Search in a way; return what it took, imports left out, and what was found."""
    act, prepare = find(WAYS[way].function), WAYS[way].prepare
    if prepare is not None:
        find(prepare)()
    begun = time.monotonic()
    video_ids = act(**arguments)
    return {"seconds": time.monotonic() - begun, "video_ids": sorted(video_ids)}


if __name__ == "__main__":
    print(json.dumps(search(sys.argv[1], **json.load(sys.stdin))))
