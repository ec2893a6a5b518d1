"""Backup, restore and protection of real creators."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from include.stack.environment import COMETS_DATABASE
from include.stack.postgres import EmbeddedPostgres
from include.stack.project import SCHEMA_FILE
from tests.stack.test_commands import run_stack


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with real creators in the embedded database."""
    folder = tmp_path / "the state"
    with EmbeddedPostgres(folder / "postgres") as server:
        server.create_database(COMETS_DATABASE)
        with psycopg.connect(server.url(COMETS_DATABASE), autocommit=True) as connection:
            connection.execute(SCHEMA_FILE.read_bytes())
            connection.execute("insert into creators (user_id, handle) values ('71', 'ada'), ('72', 'bo')")
    return folder


def handles(state: Path) -> list[str]:
    with (
        EmbeddedPostgres(state / "postgres") as server,
        psycopg.connect(server.url(COMETS_DATABASE)) as connection,
    ):
        return [row[0] for row in connection.execute("select handle from creators order by user_id")]


def test_backup_restores_on_another_machine(state: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.dump"
    result = run_stack("backup", str(saved), COMETS_STATE_DIR=str(state))
    assert (result.returncode, result.stdout) == (0, f"Saved 2 creators to {saved}.\n")
    elsewhere = tmp_path / "elsewhere"
    result = run_stack("restore", str(saved), COMETS_STATE_DIR=str(elsewhere))
    assert (result.returncode, result.stdout) == (0, f"Restored 2 creators from {saved}.\n")
    assert handles(elsewhere) == ["ada", "bo"]


def test_restore_replaces_real_creators_only_if_forced(state: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.dump"
    run_stack("backup", str(saved), COMETS_STATE_DIR=str(state))
    with (
        EmbeddedPostgres(state / "postgres") as server,
        psycopg.connect(server.url(COMETS_DATABASE)) as connection,
    ):
        connection.execute("update creators set handle = 'later'")
    refused = run_stack("restore", str(saved), COMETS_STATE_DIR=str(state))
    assert (refused.returncode, "2 real creators would be lost" in refused.stderr) == (1, True)
    assert handles(state) == ["later", "later"]
    assert run_stack("restore", "--force", str(saved), COMETS_STATE_DIR=str(state)).returncode == 0
    assert handles(state) == ["ada", "bo"]


def test_invalid_backup_changes_nothing(state: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.dump"
    broken.write_text("not a dump")
    result = run_stack("restore", "--force", str(broken), COMETS_STATE_DIR=str(state))
    assert (result.returncode, "pg_restore failed" in result.stderr) == (1, True)
    assert handles(state) == ["ada", "bo"]
    assert "Choose an existing file" in run_stack("restore", COMETS_STATE_DIR=str(state)).stderr


def test_backup_does_not_overwrite_a_file(state: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    result = run_stack("backup", str(tmp_path / "there"), COMETS_STATE_DIR=str(state))
    assert (result.returncode, "already exists" in result.stderr) == (1, True)
    assert (tmp_path / "there").read_text() == "mine"


def test_clean_deletes_real_creators_only_if_forced(state: Path) -> None:
    refused = run_stack("clean", COMETS_STATE_DIR=str(state))
    assert (refused.returncode, "2 real creators" in refused.stderr) == (1, True)
    assert handles(state) == ["ada", "bo"]
    assert run_stack("clean", "--force", COMETS_STATE_DIR=str(state)).returncode == 0
    assert not state.exists()
