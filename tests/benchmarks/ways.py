"""Other ways to search hashtags, each in a process of its own: `python -m tests.benchmarks.ways WAY < job.json`."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from include.sandbox.client import SandboxClient
from include.stack.output import note
from include.stack.ports import free_port
from include.stack.postgres import EmbeddedPostgres
from include.stack.sandbox import SandboxServer
from tests.benchmarks.processes import run_python

WAY_SECONDS = 3600


@dataclass(frozen=True)
class Way:
    """Another way.

    :param function: of this package; gets sandbox_url, hashtags, pages, database_url, returns the ids of the videos
    :param prepare: of this package; called before the clock starts, as Airflow is there already too
    :param library: what it needs beside the package's own libraries
    :param is_waiting: it only waits for answers, so that several runs side by side take as long as one
    """

    name: str
    function: str
    prepare: str | None = None
    library: str | None = None
    is_waiting: bool = False

    def is_installed(self) -> bool:
        """Whether this Python has its library."""
        return self.library is None or find_spec(self.library) is not None


WAYS = {
    "original": Way("the original's way", "original:run_original", is_waiting=True),
    "dlt": Way("dlt", "dlt_job:run_dlt", prepare="dlt_pipeline:load_dlt", library="dlt"),
}


@dataclass(frozen=True)
class Job:
    """What is searched, and what the sandbox is like meanwhile.

    :param now: where the sandbox's clock stands
    """

    hashtags: Sequence[str]
    pages: int
    latency_seconds: float
    per_second: int
    now: datetime

    def prepare(self, sandbox: SandboxClient) -> None:
        """Make a sandbox like that."""
        sandbox.clear()
        sandbox.set_clock(self.now)
        sandbox.set_latency(self.latency_seconds)
        sandbox.set_rate_limit(self.per_second)


@dataclass(frozen=True)
class Outcome:
    """What one run of a way has taken and found."""

    seconds: float
    video_ids: frozenset[str]


def measure(way: str, job: Job, folder: Path, runs: int) -> list[Outcome]:
    """Run a way so many times, each with a sandbox and a database of its own; what it has stored is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedPostgres(folder / "postgres"))
        errands = []
        for number in range(1, runs + 1):
            sandbox = stack.enter_context(SandboxServer(folder / "sandbox", free_port()))
            job.prepare(SandboxClient(sandbox.url))
            database = f"{way}_{number}"
            server.create_database(database)
            errands.append({"sandbox_url": sandbox.url, "database_url": server.url(database)})
        at_once = runs if WAYS[way].is_waiting else 1
        note(f"{WAYS[way].name}: {runs} runs, {at_once} at a time ...")
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=at_once))
        outcomes = list(pool.map(lambda errand: run_apart(way, job, errand), errands))
    shutil.rmtree(folder, ignore_errors=True)
    note(f"{WAYS[way].name}: {', '.join(f'{outcome.seconds:.1f} s' for outcome in outcomes)}")
    return outcomes


def run_apart(way: str, job: Job, errand: dict[str, str]) -> Outcome:
    """Run a way in another process."""
    given = json.dumps({**errand, "hashtags": list(job.hashtags), "pages": job.pages})
    printed = run_python(["-m", "tests.benchmarks.ways", way], WAY_SECONDS, given=given)
    answer = json.loads(printed.splitlines()[-1])
    return Outcome(answer["seconds"], frozenset(answer["video_ids"]))


def main(way: str) -> int:
    """Do the job that comes in; print what it took, imports left out, and what was found."""
    arguments: dict[str, Any] = json.load(sys.stdin)
    act, prepare = find(WAYS[way].function), WAYS[way].prepare
    if prepare is not None:
        find(prepare)()
    begun = time.monotonic()
    video_ids = act(**arguments)
    print(json.dumps({"seconds": time.monotonic() - begun, "video_ids": sorted(video_ids)}))
    return 0


def find(name: str) -> Callable[..., Any]:
    """A function of this package."""
    module, function = name.split(":")
    found: Callable[..., Any] = getattr(importlib.import_module(f"tests.benchmarks.{module}"), function)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
