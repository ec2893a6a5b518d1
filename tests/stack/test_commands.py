"""Ports, the stack's lock, exit codes and output of commands."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest

from include.stack import files
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
    processes_in,
    running_url,
)
from include.stack.project import PROJECT, State
from tests.disks import small_disk
from tests.steps.builders import DAY, Facts, Profile, noon


def run_stack(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "include.stack", *arguments],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_taken_port_names_the_variable_that_changes_it(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = str(listener.getsockname()[1])
        result = run_stack("up", COMETS_UI_PORT=port, COMETS_STATE_DIR=str(tmp_path / "state"))
    assert result.returncode == 1
    assert port in result.stderr
    assert "COMETS_UI_PORT=" in result.stderr
    assert not (tmp_path / "state" / "postgres").exists()


def test_taken_sandbox_port_is_reported(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener, pytest.raises(PortTakenError, match="COMETS_SANDBOX_PORT"):
        require_free(listener.getsockname()[1], "the TikHub sandbox", "COMETS_SANDBOX_PORT")


def test_invalid_setting_is_reported_without_a_traceback(tmp_path: Path) -> None:
    result = run_stack("env", DATABASE_URL="mysql://u:top-secret@h/d", COMETS_STATE_DIR=str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith("Error: DATABASE_URL is invalid")
    assert "top-secret" not in result.stderr


def test_full_disk_is_reported_without_a_traceback(tmp_path: Path) -> None:
    with small_disk(tmp_path / "full", "8k") as folder:
        (folder / "filler").write_bytes(bytes(4096))
        result = run_stack("env", COMETS_STATE_DIR=str(folder))
    assert result.returncode == 1
    assert "Error: The disk of this machine is full" in result.stderr
    assert "Traceback" not in result.stderr


def test_unknown_command_is_named_without_a_traceback() -> None:
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


def test_setup_database_applies_the_schema(database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")
    result = run_stack("setup-database", DATABASE_URL=database_url, COMETS_STATE_DIR=str(tmp_path))
    assert (result.returncode, result.stderr) == (0, "")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from creators").fetchone() == (0,)


def test_repair_readings_names_the_dates_to_run_again(database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        facts = Facts(connection)
        facts.land_profile(Profile("71", 20_000), observed_at=noon(date(2099, 3, 1)))
        facts.land_profile(Profile("72", 20_000))
    for answer in (f"Repaired 1 answers in .*\n  {DAY}  1\n", "No reading in .* is more than a day in the future"):
        result = run_stack("repair-readings", DATABASE_URL=database_url, COMETS_STATE_DIR=str(tmp_path))
        assert (result.returncode, result.stderr) == (0, "")
        assert re.search(answer, result.stdout)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select distinct observed_at from comet_profiles").fetchall() == [(noon(DAY),)]


@pytest.mark.parametrize("code", [0, 3, 255])
def test_exit_code_is_passed_on(code: int) -> None:
    assert run_in_foreground(["sh", "-c", f"exit {code}"], dict(os.environ)) == code


def test_signal_exit_code_is_the_shells() -> None:
    assert run_in_foreground(["sh", "-c", "kill -TERM $$"], dict(os.environ)) == 143


def test_demo_month_ends_with_the_last_due_run() -> None:
    late, early = (month(datetime(2026, 3, 30, hour, tzinfo=UTC)) for hour in (2, 1))
    assert (late[0], late[-1], len(late)) == (date(2026, 3, 1), date(2026, 3, 30), 30)
    assert early[-1] == date(2026, 3, 29)


def test_demo_announcement_holds_no_secret(
    state: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    announce(resolve({**state, "TIKHUB_API_KEY": "top-secret", "DATABASE_URL": "postgres://u:hidden@h/d"}, tmp_path))
    text = capsys.readouterr().out
    assert "database d at h:5432 as u" in text
    assert "top-secret" not in text
    assert "hidden" not in text


def test_leftover_processes_end_with_the_next_stack(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.run.mkdir()
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
                assert processes_in(state.run) == []
            assert stranger.poll() is None
        finally:
            left.kill()
            stranger.kill()


def check_until_failure(processes: Processes) -> NoReturn:
    """Check processes until one exits."""
    while True:
        processes.check()


def test_logs_are_rotated_while_processes_write_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LOG_BYTES", 10_000)
    state = State(tmp_path)
    count = "import itertools; [print(f'line {number}', flush=True) for number in itertools.count()]"
    log, previous = state.logs / "endless.log", state.logs / "endless.1.log"
    with Processes(state, dict(os.environ), [Part("endless", (sys.executable, "-c", count))]) as processes:
        while not previous.exists() or not log.stat().st_size:
            processes.check()
    assert previous.read_text().startswith("line ")
    assert b"\0" not in log.read_bytes()


def test_log_of_the_start_before_is_kept(tmp_path: Path) -> None:
    state = State(tmp_path)
    for word in ("first", "second", "third"):
        brief = Processes(state, dict(os.environ), [Part("brief", ("echo", word))])
        with pytest.raises(ProcessEndedError, match=word), brief as processes:
            check_until_failure(processes)
    assert (state.logs / "brief.1.log").read_text() == "second\n"
    assert (state.logs / "brief.log").read_text() == "third\n"


def test_processes_end_with_their_children_and_a_failed_one_is_named(tmp_path: Path) -> None:
    state = State(tmp_path)
    child = "import subprocess, sys; subprocess.Popen(['sleep', '600']); print('a last word', flush=True); "
    parts = [
        Part("lasting", (sys.executable, "-c", f"{child} import time; time.sleep(600)")),
        Part("brief", (sys.executable, "-c", f"{child} sys.exit(3)")),
    ]
    with Processes(state, dict(os.environ), parts) as processes:
        with pytest.raises(ProcessEndedError, match=r"brief exited with code 3") as caught:
            check_until_failure(processes)
        assert "a last word" in str(caught.value)
        assert len(processes_in(state.run)) >= 2
    assert processes_in(state.run) == []
