"""include/docker/secrets.sh: generation of the required secrets."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from dotenv import dotenv_values

from tests.docker.compose import PROJECT_FOLDER, required

SCRIPT = PROJECT_FOLDER / "include" / "docker" / "secrets.sh"


def make_secrets(folder: Path) -> dict[str, str | None]:
    """Run the script in a folder; return the values of its .env."""
    subprocess.run(["/bin/sh", str(SCRIPT)], cwd=folder, check=True, capture_output=True)
    return dotenv_values(folder / ".env", interpolate=False)


def test_every_required_secret_is_generated(tmp_path: Path) -> None:
    made = make_secrets(tmp_path)
    assert made.keys() == required()
    assert len(set(made.values())) == len(made)
    assert all(re.fullmatch(r"[\w=-]{16,}", value or "") for value in made.values())
    Fernet(made["AIRFLOW__CORE__FERNET_KEY"] or "")


def test_file_is_private_to_its_owner(tmp_path: Path) -> None:
    (tmp_path / ".env").touch(mode=0o644)
    make_secrets(tmp_path)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_installations_have_different_secrets(tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in ("first", "second"))
    first.mkdir()
    second.mkdir()
    assert set(make_secrets(first).values()).isdisjoint(make_secrets(second).values())


def test_second_run_changes_nothing(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    before = (tmp_path / ".env").read_bytes()
    make_secrets(tmp_path)
    assert (tmp_path / ".env").read_bytes() == before


@pytest.mark.parametrize(
    "line", ["POSTGRES_PASSWORD=mine", "export POSTGRES_PASSWORD = 'mine'", 'POSTGRES_PASSWORD="mine"']
)
def test_existing_values_are_kept(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"TIKHUB_API_KEY=key\n{line}")
    made = make_secrets(tmp_path)
    assert made["POSTGRES_PASSWORD"] == "mine"
    assert made["TIKHUB_API_KEY"] == "key"
    assert made.keys() == required() | {"TIKHUB_API_KEY"}


def test_empty_example_values_are_filled(tmp_path: Path) -> None:
    shutil.copy(PROJECT_FOLDER / ".env.example", tmp_path / ".env")
    made = make_secrets(tmp_path)
    assert [name for name in required() if not made[name]] == []
