"""Small things that the commands rely on: ports, the stack's lock, exit codes, what is printed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from include.stack.airflow_api import TaskState
from include.stack.airflow_cli import needs_nothing, run_in_foreground
from include.stack.demo import announce
from include.stack.demo_days import plan_days, plan_steps
from include.stack.environment import resolve
from include.stack.ports import LOOPBACK, PortTakenError, require_free
from include.stack.progress import summary
from include.stack.project import PROJECT
from include.stack.stack_lock import StackBusyError, exclusive_stack, running_url
from include.stack.task_logs import log_tail


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


def test_only_one_command_holds_the_stack(tmp_path: Path) -> None:
    lock = tmp_path / "stack.lock"
    assert running_url(lock) is None
    with exclusive_stack(lock, "make up", "http://here"):
        assert running_url(lock) == "http://here"
        with pytest.raises(StackBusyError, match="`make up` is already running: http://here"):  # noqa: SIM117
            with exclusive_stack(lock, "make demo", "http://there"):
                pass
    assert running_url(lock) is None


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


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [([], True), (["dags", "list", "--help"], True), (["version"], True), (["dags", "list"], False), (["db"], False)],
)
def test_databases_are_started_only_for_commands_that_need_them(arguments: list[str], expected: bool) -> None:
    assert needs_nothing(arguments) == expected


def test_made_up_days_end_with_the_last_run_that_was_due(state: dict[str, str], tmp_path: Path) -> None:
    environment = resolve(state, tmp_path)
    late = plan_days(environment, datetime(2026, 3, 10, 2, 0, tzinfo=UTC))
    early = plan_days(environment, datetime(2026, 3, 10, 1, 59, tzinfo=UTC))
    assert [day.date.day for day in late] == [6, 7, 8, 9, 10]
    assert [day.date.day for day in early] == [5, 6, 7, 8, 9]
    assert all(day.logical_date and day.logical_date.hour == 2 for day in late)


def test_a_made_up_day_is_missed_and_filled_after_the_last_one(state: dict[str, str], tmp_path: Path) -> None:
    days = plan_days(resolve(state, tmp_path), datetime(2026, 3, 10, 12, 0, tzinfo=UTC))
    steps = list(plan_steps(days))
    assert [step.day.number if step.day else None for step in steps] == [1, 2, 3, None, 5, 4]
    assert "2026-03-09 is missed on purpose" in steps[3].heading
    assert steps[-1].heading == "Day 4 of 5: 2026-03-09, backfilled on 2026-03-10"


def test_real_data_are_one_run_announced_with_its_highest_cost(
    state: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = resolve(
        {**state, "TIKHUB_API_KEY": "top-secret", "DATABASE_URL": "postgres://u:hidden@h/d"}, tmp_path
    )
    days = plan_days(environment, datetime.now(UTC))
    announce(environment, days)
    text = capsys.readouterr().out
    assert [(day.logical_date, day.is_missed) for day in days] == [(None, False)]
    assert "at most 2000 calls, which cost at most 2.00 USD" in text
    assert "database d at h:5432 as u" in text
    assert "top-secret" not in text
    assert "hidden" not in text


def test_mapped_tasks_are_summed_up() -> None:
    states = ["success", "failed", "success", None]
    tasks = [TaskState("extract_videos", index, None, state, 1) for index, state in enumerate(states)]
    assert summary(tasks) == "2 success, 1 failed, 1 waiting"
    assert summary(tasks[:1]) == "success"


def test_the_end_of_a_tasks_log_is_readable(tmp_path: Path) -> None:
    folder = tmp_path / "task_id=extract_videos" / "map_index=2"
    folder.mkdir(parents=True)
    lines = [
        '{"level": "info", "event": "first"}',
        '{"level": "error", "event": "Task failed", "error_detail": [{"exc_type": "TikHubError", "exc_value": "500"}]}',
        "not JSON",
    ]
    (folder / "attempt=1.log").write_text("\n".join(lines))
    task = TaskState("extract_videos", 2, "#one", "failed", 1)
    assert log_tail(tmp_path, task, lines=2) == ["error    Task failed TikHubError: 500", "not JSON"]
