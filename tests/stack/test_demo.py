"""`make demo` from an empty state folder, then `make backfill` and `make up` on its data."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import psutil
import pytest

from comets.settings import DAG_ID
from include.stack import airflow_api
from include.stack.airflow_api import AirflowApi
from include.stack.backfill import instants
from include.stack.environment import DATABASE_PART_VARIABLES, DATABASE_URL_VARIABLES, resolve
from include.stack.ports import free_port
from include.stack.project import PROJECT

# Empty values win over a developer's .env: no test may reach a paid API or a real database.
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


@dataclass(frozen=True)
class Demo:
    """A finished demo: its state folder and its output."""

    state: Path
    output: str

    @property
    def last_day(self) -> date:
        """The date of the leaderboard."""
        (found,) = re.findall(r"^Leaderboard for (\S+),", self.output, re.MULTILINE)
        return date.fromisoformat(found)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, run from an empty state folder."""
    state = tmp_path_factory.mktemp("demo") / "the state"
    result = run_stack("demo", variables={"COMETS_STATE_DIR": str(state)})
    assert result.returncode == 0, result.stdout + result.stderr
    return Demo(state, result.stdout)


def test_demo_prints_a_leaderboard_and_leaves_no_process(demo: Demo) -> None:
    assert "made up" in demo.output
    rows = re.findall(
        r"^ *\d+ +(new)? +https://www.tiktok.com/@\S+ .* %  +(\??)[\d.]+  #\S+", demo.output, re.MULTILINE
    )
    assert len(rows) == 15
    assert any(not doubt for _, doubt in rows)
    assert max(map(len, demo.output.splitlines())) <= 100
    assert re.search(r"^Calls: [\d,]+ \([\d,]+ billed\)", demo.output, re.MULTILINE)
    assert "make up" in demo.output
    assert working_in(demo.state) == []


def test_demo_backfills_the_missed_date(demo: Demo) -> None:
    missed = demo.last_day - timedelta(days=14)
    assert f"{missed} is skipped on purpose" in demo.output
    assert re.search(rf"^{missed}, backfilled by Airflow: success in \d+ s$", demo.output, re.MULTILINE)
    for day in (demo.last_day - timedelta(days=1), demo.last_day):
        assert re.search(rf"^{day}, run by Airflow: success in \d+ s$", demo.output, re.MULTILINE)


def test_backfill_runs_missing_dates_and_prints_a_line_per_date(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    last = demo.last_day
    days = [last - timedelta(days=number) for number in reversed(range(3))]
    with running_stack(demo.state) as variables:
        filled = run_stack("backfill", str(days[0]), str(last), variables=variables)
        again = run_stack("backfill", str(days[0]), str(last), variables=variables)
        earlier = str(days[0] - timedelta(days=1))
        another = run_stack("backfill", earlier, earlier, variables=variables)
        check = run_stack("doctor", variables=variables)

        monkeypatch.setattr(airflow_api, "PAGE_ENTRIES", 2)
        environment = resolve({**NOTHING_CONFIGURED, **variables})
        api = AirflowApi(f"http://127.0.0.1:{environment.ui_port}")
        api.log_in(environment.variables)
        every_run = api.runs_between(DAG_ID, *instants(days[0], last, "UTC"))

    assert (filled.returncode, again.returncode) == (0, 0), filled.stderr + again.stderr
    assert another.returncode == 0, another.stderr
    assert f"  {earlier}  success\n" in another.stdout
    assert filled.stdout.startswith("Running dates that are missing or failed: 1. ")
    assert f"  {days[0]}  success\n" in filled.stdout
    assert again.stdout.startswith("Nothing to do: ")
    table = {line.split()[0]: line.split()[1:] for line in filled.stdout.splitlines() if line.startswith("20")}
    assert list(table) == [str(day) for day in days]
    assert {line[0] for line in table.values()} == {"success"}
    # Columns: searched, reused, Comets, new, measured, estimated, backdated, calls, billed.
    figures = [int(figure.replace(",", "")) for figure in table[str(days[0])][1:]]
    assert figures[:2] == [0, 3]
    assert min(figures[2], figures[4]) > 0
    assert figures[7:] == [0, 0]
    assert again.stdout.endswith(filled.stdout[filled.stdout.index("\ndate ") :])
    assert check.returncode == 0
    assert re.search(r"ok +pool: tikhub with \d+ slots", check.stdout)
    assert re.search(r"(ok|warn) +schedule: comet_discovery", check.stdout)
    assert [run.logical_date.date() for run in every_run if run.logical_date] == days
    assert working_in(demo.state) == []


def test_stack_starts_after_it_was_killed(demo: Demo) -> None:
    variables = {"COMETS_UI_PORT": str(free_port()), "COMETS_SANDBOX_PORT": str(free_port())}
    variables["COMETS_STATE_DIR"] = str(demo.state)
    with starting(variables) as killed:
        killed.kill()
        killed.communicate()
    assert working_in(demo.state)
    with starting(variables) as stack:
        stack.send_signal(signal.SIGTERM)
        stack.communicate()
    assert working_in(demo.state) == []


@contextmanager
def starting(variables: Mapping[str, str], command: str = "up") -> Iterator[subprocess.Popen[str]]:
    """Run `make up`, or another command; yield its process once it is ready."""
    with subprocess.Popen(
        stack_command(command), cwd=PROJECT, env=caller(variables), stdout=subprocess.PIPE, text=True
    ) as stack:
        assert stack.stdout
        assert "Airflow is ready.\n" in iter(stack.stdout.readline, "")
        yield stack


def run_stack(*arguments: str, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the stack."""
    return subprocess.run(
        stack_command(*arguments), cwd=PROJECT, env=caller(variables), capture_output=True, text=True, check=False
    )


@contextmanager
def running_stack(state: Path) -> Iterator[dict[str, str]]:
    """Run `make up` with the Dag unpaused; yield variables with which other commands reach it."""
    ports = {"COMETS_UI_PORT": str(free_port()), "COMETS_SANDBOX_PORT": str(free_port())}
    variables = {"COMETS_STATE_DIR": str(state), **ports}
    # Otherwise unpausing starts the last missed run.
    quiet = {**variables, "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}
    with starting(quiet) as stack:
        try:
            environment = resolve({**NOTHING_CONFIGURED, **variables})
            api = AirflowApi(f"http://127.0.0.1:{environment.ui_port}")
            api.log_in(environment.variables)
            api.set_paused(DAG_ID, False)
            yield variables
        finally:
            stack.send_signal(signal.SIGTERM)
            stack.communicate()


def stack_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "include.stack", *arguments]


def caller(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a caller with only these variables set."""
    return {"PATH": os.environ["PATH"], **NOTHING_CONFIGURED, **variables}


def working_in(folder: Path) -> list[str]:
    """Return the processes with a working folder below a folder; Airflow's overwrite their command lines."""
    return [f"{process.pid} {process.name()}" for process in psutil.process_iter() if is_below(process, folder)]


def is_below(process: psutil.Process, folder: Path) -> bool:
    """Return whether a process has a working folder in or below a folder."""
    try:
        return Path(process.cwd()).is_relative_to(folder)
    except psutil.Error:
        return False
