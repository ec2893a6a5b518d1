"""Every command in README.md and docs is run by a test, or the line above its block says why not."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from include.stack.project import PROJECT
from tests.docs.pages import PAGES, Block, blocks, commands, missing_files

RUNBOOK = "tests/stack/test_runbook.py"
STUCK_RUN = "test_stuck_run_ends_and_goes_on_after_a_clear"
RUN_ID = "scheduled__2026-03-01T02:00:00+00:00"
# Command line -> the test that runs what it stands for.
COVERED = {
    "make demo": "tests/stack/test_demo.py::test_demo_prints_a_leaderboard_and_leaves_no_process",
    "make up": "tests/stack/test_demo.py::test_stack_starts_after_it_was_killed",
    "make doctor": "tests/stack/test_doctor.py::test_sound_installation_has_no_failed_line",
    "make doctor NOTICE=1": "tests/stack/test_doctor.py::test_notice_sends_a_test_message",
    "make backup": "tests/stack/test_backup.py::test_backup_restores_on_another_machine",
    "make clean": "tests/stack/test_backup.py::test_clean_deletes_real_creators_only_if_forced",
    "make setup-database": "tests/stack/test_commands.py::test_setup_database_applies_the_schema",
    "make traces": "tests/stack/test_erasure.py::test_traces_name_each_place_and_what_clears_it",
    "make repair-readings": "tests/stack/test_commands.py::test_repair_readings_names_the_dates_to_run_again",
    "make distributed": ("tests/stack/test_lost_workers.py::test_both_workers_search_every_hashtag_once"),
    "make logins": "tests/stack/test_logins.py::test_logins_command_shows_passwords_and_a_reset_ends_existing_logins",
    "make logins RESET=ben": (
        "tests/stack/test_logins.py::test_logins_command_shows_passwords_and_a_reset_ends_existing_logins"
    ),
    "make backfill FROM=2026-03-02 TO=2026-03-04": (
        "tests/stack/test_demo.py::test_backfill_runs_missing_dates_and_prints_a_line_per_date"
    ),
    """make airflow ARGS="dags test comet_discovery 2026-03-01 --conf '{\\"hashtags\\": [\\"#gymtok\\"]}'\"""": (
        "tests/stack/test_lost_workers.py::test_lost_workers_change_no_row"
    ),
    "install -m 600 .env.example .env": "tests/docker/test_secrets.py::test_empty_example_values_are_filled",
    'make airflow ARGS="dags list-runs comet_discovery --state running"': f"{RUNBOOK}::{STUCK_RUN}",
    f'make airflow ARGS="tasks states-for-dag-run comet_discovery {RUN_ID}"': f"{RUNBOOK}::{STUCK_RUN}",
    f'make airflow ARGS="dags clear comet_discovery --run-id {RUN_ID} --yes"': f"{RUNBOOK}::{STUCK_RUN}",
    'make airflow ARGS="rotate-fernet-key"': f"{RUNBOOK}::test_rotated_fernet_key_reads_what_is_stored",
    "make clean-metadata": "tests/dags/test_clean_metadata.py::test_old_rows_are_deleted",
    "make status": "tests/docs/test_commands.py::test_status_and_leaderboard_say_that_there_is_no_run_yet",
    "make leaderboard": "tests/docs/test_commands.py::test_status_and_leaderboard_say_that_there_is_no_run_yet",
}
OF_THE_STACK = "-m include.stack "

SHELL = [block for block in blocks() if block.language == "sh" and not block.is_marked]
QUERIES = [block for block in blocks() if block.language == "sql" and not block.is_marked]
EXAMPLES = [block for block in blocks() if block.language == "python"]


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.place)
def test_every_command_is_run_by_a_test(block: Block) -> None:
    for command in commands(block):
        assert command in COVERED, (
            f"{block.place}: no test runs `{command}`: add one, or <!-- not run by a test: ... -->"
        )


def test_commands_stand_in_blocks_of_sh() -> None:
    languages = {block.language for block in blocks()}
    assert languages <= {"", "{toctree}", "ini", "python", "sh", "sql"}
    output = [line for block in blocks() if not block.language for line in block.lines]
    assert [line for line in output if line.startswith(("make ", "docker ", "airflow ", "helm "))] == []


@pytest.mark.parametrize(("command", "test"), COVERED.items())
def test_the_test_of_a_command_exists_and_calls_it(command: str, test: str) -> None:
    file, _, name = test.partition("::")
    text = (PROJECT / file).read_text(encoding="utf-8")
    functions = {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
    assert name in functions
    assert command in {command for block in SHELL for command in commands(block)}, "no page shows it any more"
    if command.startswith("make "):
        shown = subprocess.run(["sh", "-c", f"{command} --dry-run"], cwd=PROJECT, capture_output=True, check=True)
        (call,) = (line for line in shown.stdout.decode().splitlines() if OF_THE_STACK in line)
        assert f'"{call.partition(OF_THE_STACK)[2].split()[0]}"' in text + shared_text(file)


def shared_text(file: str) -> str:
    """Return the helpers beside a test, which may make the call."""
    return "".join(path.read_text(encoding="utf-8") for path in (PROJECT / file).parent.glob("*_stack.py"))


def test_status_and_leaderboard_say_that_there_is_no_run_yet(database_url: str, tmp_path: Path) -> None:
    variables = {"COMETS_STATE_DIR": str(tmp_path), "TIKHUB_API_KEY": "a-key", "DATABASE_URL": database_url}
    printed = {
        command: subprocess.run(
            [sys.executable, "-m", "include.stack", command],
            cwd=PROJECT,
            env={"PATH": os.environ["PATH"], **variables},
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        for command in ("status", "leaderboard")
    }
    assert "Last run     none\n" in printed["status"]
    assert printed["leaderboard"].startswith("No runs yet")


@pytest.mark.parametrize("block", QUERIES, ids=lambda block: block.place)
def test_queries_run(block: Block, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("\n".join(block.lines).encode())


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: block.place)
def test_examples_in_python_run(block: Block) -> None:
    page = PROJECT / block.place.partition(":")[0]
    code = page.read_text(encoding="utf-8").split("```python\n")[1].partition("```")[0]
    exec(compile(code, block.place, "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_exist_that_a_page_names(page: Path) -> None:
    assert missing_files(page) == []
