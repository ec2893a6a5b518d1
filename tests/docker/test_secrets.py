"""include/docker/secrets.sh: generation of secrets, and their copies of what .env has."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from dotenv import dotenv_values

from tests.docker.compose import PROJECT_FOLDER, SECRET_SETTINGS, SECRETS_SCRIPT, SETTINGS_FILES, make_secrets, required
from tests.docker.conftest import NASTY

ENV_EXAMPLE = PROJECT_FOLDER / ".env.example"


def settings_in(folder: Path, *files: str) -> dict[str, str | None]:
    """Return the settings in some files of the script, by default in all."""
    found: dict[str, str | None] = {}
    for name in files or ("tikhub.env", "database.env", "notices.env"):
        found |= dotenv_values(folder / "secrets" / name)
    return found


def test_every_secret_is_generated(tmp_path: Path) -> None:
    files = make_secrets(tmp_path)
    made = {name: files[name] for name in required()}
    assert len(set(made.values())) == len(made) == 10
    assert all(re.fullmatch(r"[\w=-]{16,}", value) for value in made.values())
    Fernet(made["AIRFLOW__CORE__FERNET_KEY"])
    assert files["redis.conf"] == f'requirepass "{made["REDIS_PASSWORD"]}"'
    assert settings_in(tmp_path) == {}


def test_only_its_owner_reaches_the_files_and_containers_can_read_them(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()} == {0o644}


def test_installations_have_different_secrets(tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in ("first", "second"))
    first.mkdir()
    second.mkdir()
    one, other = make_secrets(first), make_secrets(second)
    assert {one[name] for name in required()}.isdisjoint(other[name] for name in required())


def test_second_run_changes_no_file(tmp_path: Path) -> None:
    first = make_secrets(tmp_path, TIKHUB_API_KEY="key")
    before = {path.name: path.stat().st_ino for path in (tmp_path / "secrets").iterdir()}
    assert make_secrets(tmp_path, TIKHUB_API_KEY="key") == first
    assert {path.name: path.stat().st_ino for path in (tmp_path / "secrets").iterdir()} == before


@pytest.mark.parametrize(
    "line",
    [
        "POSTGRES_PASSWORD=mine",
        "export POSTGRES_PASSWORD = 'mine'",
        'POSTGRES_PASSWORD="mine"  # it is mine',
        "POSTGRES_PASSWORD=mine # it is mine",
        "POSTGRES_PASSWORD=mine\r",
        "POSTGRES_PASSWORD=other\nPOSTGRES_PASSWORD=mine",
    ],
)
def test_values_of_earlier_versions_are_kept(tmp_path: Path, line: str) -> None:
    text = f"TIKHUB_API_KEY=key\n{line}"
    (tmp_path / ".env").write_text(text, newline="")
    files = make_secrets(tmp_path)
    assert files["POSTGRES_PASSWORD"] == "mine"
    assert (tmp_path / ".env").read_bytes() == text.encode()


def test_empty_example_values_are_filled(tmp_path: Path) -> None:
    shutil.copy(ENV_EXAMPLE, tmp_path / ".env")
    files = make_secrets(tmp_path)
    assert [name for name in required() if not files[name]] == []
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=\nREDIS_PASSWORD='' \nCOMETS_UI_PASSWORD= # none\n")
    assert make_secrets(tmp_path) == files


@pytest.mark.parametrize("value", ["a$b", "'a\\'b'", '"a\\"b"'])
def test_value_that_may_mean_something_else_to_compose_is_rejected(tmp_path: Path, value: str) -> None:
    (tmp_path / ".env").write_text(f"COMETS_UI_PASSWORD={value}\n")
    result = subprocess.run(["/bin/sh", str(SECRETS_SCRIPT)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "COMETS_UI_PASSWORD in .env has a backslash, a quote or a dollar sign" in result.stderr


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "'p@ss: w/rd%#1'",
        '"two words" # and a comment',
        "'it\\'s'",
        '\'{\n  "conn_type": "postgres"\n}\'',
        '"first\nTIKHUB_API_KEY=no\nlast"',
        '"${DB_USER}!"',
    ],
)
def test_settings_mean_the_same_as_in_the_file(tmp_path: Path, value: str) -> None:
    (tmp_path / ".env").write_text(f"DB_USER=ada\n DB_PASSWORD = {value}\nTIKHUB_API_KEY=key\nDB_NAME=\n")
    make_secrets(tmp_path)
    wanted = {name: text for name, text in dotenv_values(tmp_path / ".env").items() if text}
    assert {name: text for name, text in settings_in(tmp_path).items() if text} == wanted


def test_variables_in_a_setting_come_with_it(tmp_path: Path) -> None:
    lines = ["USER_PART=ada", "LOGIN=${USER_PART}:$SECRET", 'SECRET="s3 ${OUTER}"', "OTHER=no"]
    url = "postgresql://${LOGIN}/${SECRET}/${MISSING:-x}@db.example.com/x"
    (tmp_path / ".env").write_text("\n".join([*lines, f'DATABASE_URL="{url}"', f"COMETS_PAGE_DATABASE_URL={url}"]))
    files = make_secrets(tmp_path, OUTER="it's")
    wanted = "postgresql://ada:$SECRET/s3 it's/x@db.example.com/x"
    assert settings_in(tmp_path, "database.env")["DATABASE_URL"] == wanted
    assert settings_in(tmp_path, "page.env")["SUPABASE_DB_URL"] == wanted
    assert "OTHER" not in files["database.env"]
    assert files["tikhub.env"] == ""


@pytest.mark.parametrize("name", sorted(SECRET_SETTINGS - {"COMETS_PAGE_DATABASE_URL"}))
def test_setting_is_in_its_file_only(tmp_path: Path, name: str) -> None:
    (tmp_path / ".env").write_text(f"{name}=other\n")
    files = make_secrets(tmp_path, **{name: NASTY})
    holders = {file for file, names in SETTINGS_FILES.items() if name in names}
    assert {file for file, text in files.items() if text and not text.startswith(" ") and f"{name}=" in text} == holders
    assert {settings_in(tmp_path, file)[name] for file in holders} == {NASTY}
    assert files["COMETS_COPIED"].split() == [name]
