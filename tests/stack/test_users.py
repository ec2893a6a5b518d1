"""The list of users, and their passwords file."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from include.stack.airflow_api import AirflowApiError, read_login
from include.stack.environment import BASE_URL_VARIABLE, EXECUTION_API_VARIABLE, SettingError, resolve
from include.stack.logins import (
    AIRFLOW_USERS_VARIABLE,
    PASSWORDS_FILE_VARIABLE,
    PasswordsFileError,
    parse_users,
    update_passwords,
)
from include.stack.output import warn
from tests.stack.test_commands import run_stack


def variables_of(users: str, path: Path) -> dict[str, str]:
    return {AIRFLOW_USERS_VARIABLE: users, PASSWORDS_FILE_VARIABLE: str(path)}


def test_one_admin_is_the_default(state: dict[str, str], tmp_path: Path) -> None:
    assert resolve(state, tmp_path).variables[AIRFLOW_USERS_VARIABLE] == "admin:admin"


def test_list_of_users_reaches_airflow_in_its_own_form(state: dict[str, str], tmp_path: Path) -> None:
    users = " ada:Admin, ben@example.com : viewer,cleo_1:USER,d-4+x:op "
    found = resolve({**state, "COMETS_UI_USERS": users}, tmp_path).variables
    assert found[AIRFLOW_USERS_VARIABLE] == "ada:admin,ben@example.com:viewer,cleo_1:user,d-4+x:op"
    own = resolve({**state, "COMETS_UI_USERS": "x:admin", AIRFLOW_USERS_VARIABLE: "ada:admin"}, tmp_path)
    assert own.variables[AIRFLOW_USERS_VARIABLE] == "ada:admin"


@pytest.mark.parametrize(
    ("users", "problem"),
    [
        ("ada:admin,ben:boss", "'boss' is not a role; the roles are viewer, user, op, admin"),
        ("ada", "'ada' is not name:role"),
        ("ada:admin,", "'' is not name:role"),
        ("ada:", "'ada:' is not name:role"),
        (":admin", "':admin' is not name:role"),
        ("ada lovelace:admin", "'ada lovelace:admin' is not name:role"),
        ("ada:admin:team", "'admin:team' is not a role"),
        ("ada:admin;ben:viewer", "'admin;ben:viewer' is not a role"),
        ("ada:admin,ben:viewer,ada:viewer", "the user 'ada' is listed twice"),
        ("ben:viewer,cleo:op", "it has no admin"),
    ],
)
def test_invalid_list_is_an_error_before_anything_starts(users: str, problem: str, tmp_path: Path) -> None:
    result = run_stack("up", COMETS_UI_USERS=users, COMETS_STATE_DIR=str(tmp_path / "state"))
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: COMETS_UI_USERS is invalid: {problem}")
    assert not (tmp_path / "state" / "postgres").exists()


def test_passwords_are_kept_between_starts_and_end_with_the_user(tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    update_passwords(variables_of("ada:admin,ben:viewer", path))
    first = json.loads(path.read_text())
    update_passwords(variables_of("ada:viewer,cleo:admin", path))
    second = json.loads(path.read_text())
    update_passwords(variables_of("ada:viewer,ben:viewer,cleo:admin", path))
    third = json.loads(path.read_text())
    assert list(first) == ["ada", "ben"]
    assert second == {"ada": first["ada"], "cleo": second["cleo"]}
    assert third == {**second, "ben": third["ben"]}
    assert third["ben"] != first["ben"]
    assert len({first["ada"], first["ben"], third["ben"], second["cleo"]}) == 4


def test_passwords_file_is_private_even_if_it_was_not(tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    path.write_text('{"ada": "chosen by hand"}')
    path.chmod(0o644)
    update_passwords(variables_of("ada:admin", path))
    assert json.loads(path.read_text()) == {"ada": "chosen by hand"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", '"ada"', '{"ada": 1}', '{"ada": ""}'])
def test_damaged_passwords_file_is_named_and_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / "passwords.json"
    path.write_text(text)
    with pytest.raises(PasswordsFileError, match=r"passwords\.json is not JSON like"):
        update_passwords(variables_of("ada:admin", path))
    assert path.read_text() == text


def test_commands_log_in_as_the_first_admin(tmp_path: Path) -> None:
    path = tmp_path / "passwords.json"
    variables = variables_of("ben:viewer,ada:admin,cleo:admin", path)
    with pytest.raises(AirflowApiError, match="no password for the user ada"):
        read_login(variables)
    update_passwords(variables)
    assert read_login(variables) == ("ada", json.loads(path.read_text())["ada"])


def test_roles_are_those_of_airflow() -> None:
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManagerRole

    for role in SimpleAuthManagerRole:
        assert parse_users(f"x:admin,ada:{role.name}")["ada"].upper() == role.name


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://comets.example.com", ""),
        ("https://example.com/comets/", "/comets"),
        ("https://example.com:8443/a/b", "/a/b"),
    ],
)
def test_own_addresses_have_the_path_of_the_base_url(
    url: str, path: str, state: dict[str, str], tmp_path: Path
) -> None:
    environment = resolve({**state, BASE_URL_VARIABLE: url}, tmp_path)
    assert environment.ui_url == f"http://127.0.0.1:8080{path}"
    assert environment.variables[EXECUTION_API_VARIABLE] == f"http://127.0.0.1:8080{path}/execution/"


@pytest.mark.parametrize("url", ["comets.example.com", "/comets", "ftp://example.com", "https://", "https://[::1"])
def test_invalid_base_url_is_rejected(url: str, state: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=rf"{BASE_URL_VARIABLE} must be an address like https://"):
        resolve({**state, BASE_URL_VARIABLE: url}, tmp_path)


@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1), (0o644, 1)])
def test_env_file_that_others_can_read_is_warned_about_once(
    mode: int, count: int, state: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    warn.cache_clear()
    folder = tmp_path / "a project"
    folder.mkdir()
    path = folder / ".env"
    path.write_text("TIKHUB_API_KEY=top-secret")
    path.chmod(mode)
    for _ in range(2):
        resolve(state, folder)
    output = capfd.readouterr()
    assert output.err.count(f"Run: chmod 600 '{path}'\n") == count
    assert "top-secret" not in output.err
    assert output.out == ""
