"""Small things that the commands rely on: ports, the stack's lock, exit codes, what is printed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest

from include.stack.airflow_cli import run_in_foreground
from include.stack.demo import announce, month
from include.stack.environment import resolve
from include.stack.ports import LOOPBACK, PortTakenError, require_free
from include.stack.processes import (
    Part,
    ProcessEndedError,
    Processes,
    StackBusyError,
    exclusive_stack,
    running_url,
    working,
)
from include.stack.project import PROJECT, State


def run_stack(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "include.stack", *arguments],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_taken_port_is_reported_with_the_variable_that_changes_it(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = str(listener.getsockname()[1])
        result = run_stack("up", COMETS_UI_PORT=port, COMETS_STATE_DIR=str(tmp_path / "state"))
    assert result.returncode == 1
    assert port in result.stderr
    assert "COMETS_UI_PORT=" in result.stderr
    assert not (tmp_path / "state" / "postgres").exists()


def test_a_program_on_the_sandboxs_port_is_reported(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener, pytest.raises(PortTakenError, match="COMETS_SANDBOX_PORT"):
        require_free(listener.getsockname()[1], "the TikHub sandbox", "COMETS_SANDBOX_PORT")


def test_a_wrong_setting_is_told_without_a_traceback(tmp_path: Path) -> None:
    result = run_stack("env", DATABASE_URL="mysql://u:top-secret@h/d", COMETS_STATE_DIR=str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith("Error: DATABASE_URL cannot be read")
    assert "top-secret" not in result.stderr


def test_an_unknown_command_is_named_without_a_traceback() -> None:
    result = run_stack("nonsense")
    assert result.returncode == 2
    assert result.stderr.endswith("Error: No such command 'nonsense'.\n")
    assert "Traceback" not in result.stderr


def test_only_one_command_holds_the_stack(tmp_path: Path) -> None:
    state = State(tmp_path)
    assert running_url(state) is None
    with exclusive_stack(state, "make up", "http://here"):
        assert running_url(state) == "http://here"
        with pytest.raises(StackBusyError, match="`make up` is already running: http://here"):  # noqa: SIM117
            with exclusive_stack(state, "make demo", "http://there"):
                pass
    assert running_url(state) is None


def test_the_schema_is_applied_to_the_configured_database(database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")
    result = run_stack("setup-database", DATABASE_URL=database_url, COMETS_STATE_DIR=str(tmp_path))
    assert (result.returncode, result.stderr) == (0, "")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from creators").fetchone() == (0,)


@pytest.mark.parametrize("code", [0, 3, 255])
def test_a_programs_exit_code_is_handed_on(code: int) -> None:
    assert run_in_foreground(["sh", "-c", f"exit {code}"], dict(os.environ)) == code


def test_a_program_ended_by_a_signal_counts_as_in_a_shell() -> None:
    assert run_in_foreground(["sh", "-c", "kill -TERM $$"], dict(os.environ)) == 143


def test_the_month_of_the_demo_ends_with_the_last_run_that_was_due() -> None:
    late, early = (month(datetime(2026, 3, 30, hour, tzinfo=UTC)) for hour in (2, 1))
    assert (late[0], late[-1], len(late)) == (date(2026, 3, 1), date(2026, 3, 30), 30)
    assert early[-1] == date(2026, 3, 29)


def test_real_data_are_announced_without_a_secret(
    state: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(resolve({**state, "TIKHUB_API_KEY": "top-secret", "DATABASE_URL": "postgres://u:hidden@h/d"}, tmp_path))
    text = capsys.readouterr().out
    assert "database d at h:5432 as u" in text
    assert "top-secret" not in text
    assert "hidden" not in text


def test_what_a_killed_stack_has_left_ends_with_the_next_one(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.run.mkdir()
    # As Airflow's processes do: it overwrites command line and environment.
    titled = "import setproctitle, time; setproctitle.setproctitle('a title ' * 50); print(flush=True); time.sleep(600)"
    with (
        subprocess.Popen(
            [sys.executable, "-c", titled], cwd=state.run, start_new_session=True, stdout=subprocess.PIPE
        ) as left,
        subprocess.Popen(["/bin/sleep", "600"], cwd=tmp_path, start_new_session=True) as stranger,
    ):
        try:
            assert left.stdout
            left.stdout.readline()
            with exclusive_stack(state, "make up", "http://here"):
                assert working(state.run) == []
            assert stranger.poll() is None
        finally:
            left.kill()
            stranger.kill()


def check_for_ever(processes: Processes) -> NoReturn:
    """Watch processes until one of them ends by itself."""
    while True:
        processes.check()


def test_processes_end_with_their_children_and_one_that_ends_by_itself_is_named(tmp_path: Path) -> None:
    state = State(tmp_path)
    child = "import subprocess, sys; subprocess.Popen(['sleep', '600']); print('a last word', flush=True); "
    parts = [
        Part("lasting", (sys.executable, "-c", f"{child} import time; time.sleep(600)")),
        Part("brief", (sys.executable, "-c", f"{child} sys.exit(3)")),
    ]
    with Processes(state, dict(os.environ), parts) as processes:
        with pytest.raises(ProcessEndedError, match=r"brief has ended by itself \(exit code 3\)") as caught:
            check_for_ever(processes)
        assert "a last word" in str(caught.value)
        assert len(working(state.run)) >= 2
    assert working(state.run) == []
