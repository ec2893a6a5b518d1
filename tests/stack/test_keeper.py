"""A keeper's program ends with those who need it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from include.stack.shared_server import KEEPER
from tests.stack.test_postgres import wait_for

# Ignores the polite signal, and has a grandchild in a process group of its own, as Airflow's tasks are.
STUBBORN = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"], process_group=0)
print(child.pid, flush=True)
child.wait()
"""


def start(*command: str, grace: float = 0.2) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(KEEPER), f"--grace={grace}", "--", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def is_gone(process: int) -> bool:
    """A zombie is gone too: nobody may be there to reap it."""
    try:
        return bool(psutil.Process(process).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def stubborn() -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """A keeper with a program that does not end by itself, and the numbers of all of its processes."""
    keeper = start(sys.executable, "-c", STUBBORN)
    assert keeper.stdout
    grandchild = int(keeper.stdout.readline())
    yield keeper, [grandchild, *(child.pid for child in psutil.Process(keeper.pid).children())]
    keeper.kill()
    keeper.wait()
    for pipe in (keeper.stdin, keeper.stdout):
        if pipe:
            pipe.close()


def test_the_exit_code_is_the_programs() -> None:
    with start("sh", "-c", "exit 7") as keeper:
        assert keeper.wait() == 7


def test_a_signal_that_ends_the_program_is_told_as_by_a_shell() -> None:
    with start("sh", "-c", "kill -TERM $$") as keeper:
        assert keeper.wait() == 128 + signal.SIGTERM


def test_everything_ends_when_the_pipe_to_the_starter_closes(
    stubborn: tuple[subprocess.Popen[bytes], list[int]],
) -> None:
    keeper, processes = stubborn
    assert keeper.stdin
    keeper.stdin.close()
    assert keeper.wait() == 128 + signal.SIGKILL
    wait_for(lambda: all(is_gone(process) for process in processes))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_everything_ends_when_the_keeper_is_told_to(
    number: signal.Signals, stubborn: tuple[subprocess.Popen[bytes], list[int]]
) -> None:
    keeper, processes = stubborn
    keeper.send_signal(number)
    keeper.wait()
    wait_for(lambda: all(is_gone(process) for process in processes))


def test_the_program_is_told_when_the_keeper_is_killed(tmp_path: Path) -> None:
    with start("sleep", "600") as keeper:
        wait_for(lambda: bool(psutil.Process(keeper.pid).children()))
        (program,) = psutil.Process(keeper.pid).children()
        wait_for(lambda: program.name() == "sleep")
        os.kill(keeper.pid, signal.SIGKILL)
        wait_for(lambda: is_gone(program.pid))
