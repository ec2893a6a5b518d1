"""Other ways to do a job, each run in a process of its own, with a sandbox and a database of its own."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from include.sandbox.client import SandboxClient
from include.stack.output import note, say
from include.stack.ports import free_port
from include.stack.postgres import EmbeddedPostgres
from include.stack.processes import Processes
from include.stack.project import PROJECT, State
from include.stack.sandbox import START_SECONDS, sandbox_answers, sandbox_part, sandbox_url
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.processes import run_python

WAY_SECONDS = 7200


@dataclass(frozen=True)
class Way:
    """Another way.

    :param name: as tables show it
    :param function: of this package, as "module:function"; what it gets is the job's affair
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


@dataclass(frozen=True)
class Searches:
    """What is searched, and how TikHub is meanwhile.

    :param latency_seconds: of each answer
    :param per_second: so many calls of a route are answered, the others refused with 429
    """

    hashtags: Sequence[str]
    pages: int
    latency_seconds: float
    per_second: int

    def prepare(self, sandbox: SandboxClient) -> None:
        """Make a sandbox like that, without its clock."""
        sandbox.clear()
        sandbox.set_latency(self.latency_seconds)
        sandbox.set_rate_limit(self.per_second)


def numbered_hashtags(count: int) -> list[str]:
    """Hashtags that no sample has, so that the sandbox makes up videos for each."""
    return [f"bench{number:04d}" for number in range(count)]


def installed(ways: Mapping[str, Way]) -> Iterator[tuple[str, Way]]:
    """The ways that can be measured here, with their keys; says which of them can't."""
    for key, way in ways.items():
        if way.is_installed():
            yield key, way
        else:
            say(f"{way.name} is not installed, and is not compared with.")


@dataclass(frozen=True)
class Program:
    """How a way is run: `python -m tests.benchmarks.MODULE KEY` reads its arguments as JSON and prints an answer.

    :param module: of this package; the last line that it prints is JSON with its `seconds`
    :param arguments: beside `sandbox_url` and `database_url`
    """

    module: str
    arguments: Mapping[str, Any]

    def run(self, key: str, urls: Mapping[str, str]) -> dict[str, Any]:
        """Run it once; return the answer."""
        given = json.dumps({**urls, **self.arguments})
        printed = run_python(["-m", f"tests.benchmarks.{self.module}", key], WAY_SECONDS, given=given)
        answer: dict[str, Any] = json.loads(printed.splitlines()[-1])
        return answer


def measure(
    key: str, way: Way, program: Program, prepare: Callable[[SandboxClient], None], folder: Path, runs: int
) -> list[dict[str, Any]]:
    """Run a way so many times; return the answers. What was stored is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedPostgres(folder / "postgres"))
        errands = []
        for number in range(1, runs + 1):
            url = stack.enter_context(sandbox_process(folder / f"sandbox {number}"))
            prepare(SandboxClient(url))
            database = f"{key}_{number}"
            server.create_database(database)
            errands.append({"sandbox_url": url, "database_url": server.url(database)})
        at_once = runs if way.is_waiting else 1
        note(f"{way.name}: {runs} runs, {at_once} at a time ...")
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=at_once))
        answers = list(pool.map(lambda urls: program.run(key, urls), errands))
    shutil.rmtree(folder, ignore_errors=True)
    times = ", ".join(f"{answer['seconds']:.1f} s" for answer in answers)
    note(f"{way.name}: {times}")
    return answers


def find(name: str) -> Callable[..., Any]:
    """A function of this package."""
    module, function = name.split(":")
    found: Callable[..., Any] = getattr(importlib.import_module(f"tests.benchmarks.{module}"), function)
    return found


@contextmanager
def sandbox_process(folder: Path) -> Iterator[str]:
    """Keep a sandbox at work in a process of its own; yield its URL."""
    port = free_port()
    with Processes(State(folder), {**os.environ, "PYTHONPATH": str(PROJECT)}, [sandbox_part(port)]) as processes:
        deadline = time.monotonic() + START_SECONDS
        while not sandbox_answers(port):
            processes.check()
            if time.monotonic() > deadline:
                raise BenchmarkError("The sandbox does not answer.")
            time.sleep(0.1)
        yield sandbox_url(port)
