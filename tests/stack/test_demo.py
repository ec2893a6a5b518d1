"""The main job as a newcomer runs it: real PostgreSQL, real scheduler, real HTTP, from an empty state folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from include.stack.environment import DATABASE_PART_VARIABLES, DATABASE_URL_VARIABLES
from include.stack.project import PROJECT

# Empty is "not set", and wins over a developer's own .env: this test must never reach a paid API or a real database.
NOTHING_CONFIGURED = dict.fromkeys(
    [
        "AIRFLOW_CONN_TIKHUB",
        "AIRFLOW_CONN_COMETS_DB",
        "TIKHUB_API_KEY",
        "TIKHUB_BASE_URL",
        *DATABASE_URL_VARIABLES,
        *DATABASE_PART_VARIABLES,
    ],
    "",
)


def test_the_demo_ends_in_a_leaderboard_of_several_days_and_leaves_nothing_running(tmp_path: Path) -> None:
    state = tmp_path / "the state"
    result = subprocess.run(
        [sys.executable, "-m", "include.stack", "demo"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], **NOTHING_CONFIGURED, "COMETS_STATE_DIR": str(state)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "made up" in result.stdout
    assert result.stdout.count("record_growth    success") == 5
    rows = re.findall(r"^ +\d+  @\S+ +[\d,]+ +([+-][\d,]+) +[+-][\d.]+  #\S+", result.stdout, re.MULTILINE)
    assert len(rows) > 5
    assert any(growth not in {"+0", "-0"} for growth in rows)
    assert re.search(r"^Calls: \d+, \d+ of them billed", result.stdout, re.MULTILINE)
    assert "make up" in result.stdout
    assert working_in(state) == []


def working_in(folder: Path) -> list[str]:
    """Processes that work below a folder, as all of a stack's do in its state folder.

    Command lines would not tell: Airflow's processes overwrite theirs.
    """
    return [f"{process.pid} {process.name()}" for process in psutil.process_iter() if is_below(process, folder)]


def is_below(process: psutil.Process, folder: Path) -> bool:
    """Whether a process works in the folder or below; one that has ended meanwhile does not."""
    try:
        return Path(process.cwd()).is_relative_to(folder)
    except psutil.Error:
        return False
