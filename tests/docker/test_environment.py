"""Resolution of the container's variables before Airflow reads them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kombu.utils.url import parse_url
from sqlalchemy.engine import make_url

from comets.tikhub.hook import TikHubHook
from include.docker.__main__ import CONSUMED, container_environment
from include.stack.environment import SettingError, resolve
from include.stack.logins import PASSWORDS_FILE_VARIABLE
from tests.docker.compose import PROJECT_FOLDER, environment_of, passed_through
from tests.docker.conftest import NASTY

WRAPPER = PROJECT_FOLDER / "include" / "docker" / "bin" / "airflow"
ENCODED_PASSWORD = "p%40ss%3Aw%2Frd%2541%23%3F%20%24HOME"


def resolved(secrets: dict[str, str], **settings: str) -> dict[str, str]:
    """Return the environment of Airflow's processes in a worker."""
    return container_environment(environment_of("airflow-worker", {**secrets, **settings}))


def connection(environment: dict[str, str], name: str) -> dict[str, Any]:
    """Return one of the two Airflow connections."""
    return dict(json.loads(environment[f"AIRFLOW_CONN_{name}"]))


def run(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command through `include.docker`, as the image's `airflow` does."""
    return run_program(environment, sys.executable, "-m", "include.docker", *command)


def run_program(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """Run a program with the image's PATH and PYTHONPATH."""
    folders = [str(WRAPPER.parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    return subprocess.run(
        command,
        cwd=PROJECT_FOLDER,
        env={**environment, "PATH": os.pathsep.join(folders), "PYTHONPATH": str(PROJECT_FOLDER)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_database_and_queue_urls_hold_their_passwords(secrets: dict[str, str]) -> None:
    environment = resolved(secrets)
    for name in ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__CELERY__RESULT_BACKEND"):
        url = make_url(environment[name].removeprefix("db+"))
        assert url.drivername == "postgresql+psycopg2"
        assert (url.host, url.port, url.database, url.username) == ("postgres", 5432, "airflow", "airflow")
        assert url.password == secrets["POSTGRES_PASSWORD"]
    broker = parse_url(environment["AIRFLOW__CELERY__BROKER_URL"])
    assert (broker["transport"], broker["hostname"], broker["port"]) == ("redis", "redis", 6379)
    assert broker["password"] == secrets["REDIS_PASSWORD"]


def test_bundled_database_is_the_default(secrets: dict[str, str]) -> None:
    assert connection(resolved(secrets), "COMETS_DB") == {
        "conn_type": "postgres",
        "host": "postgres",
        "port": 5432,
        "schema": "comets",
        "login": "airflow",
        "password": secrets["POSTGRES_PASSWORD"],
    }


@pytest.mark.parametrize("settings", [{}, {"DATABASE_URL": "postgres://u:p@db.example.com/x"}])
def test_made_up_creators_have_their_own_bundled_database(secrets: dict[str, str], settings: dict[str, str]) -> None:
    environment = resolved(secrets, COMPOSE_PROFILES="sandbox", **settings)
    database = connection(environment, "COMETS_DB")
    assert (database["host"], database["schema"]) == ("postgres", "comets_sandbox")
    assert container_environment(environment) == environment


@pytest.mark.parametrize(
    "settings",
    [
        {"SUPABASE_DB_URL": f"postgresql://u:{ENCODED_PASSWORD}@db.example.com:6543/postgres?sslmode=require"},
        {"POSTGRES_URL_NON_POOLING": "postgres://u:p@ss:w/rd@db.example.com/x", "POSTGRES_URL": "postgres://other/x"},
        {"DATABASE_URL": f"postgresql://u:{ENCODED_PASSWORD}@db.example.com/x", "DB_HOST": "ignored"},
        {"DB_HOST": "db.example.com", "DB_PORT": "5433", "DB_NAME": "x", "DB_USER": "u", "DB_PASSWORD": NASTY},
        {"AIRFLOW_CONN_COMETS_DB": "postgres://u:p@db.example.com/x", "DATABASE_URL": "postgres://other/x"},
        {"TIKHUB_API_KEY": NASTY, "TIKHUB_BASE_URL": "https://api.tikhub.dev/"},
        {"AIRFLOW_CONN_TIKHUB": '{"conn_type": "http", "password": "key"}', "TIKHUB_API_KEY": "other"},
        {"COMETS_NOTICES_URL": f"slack://a/b/c mailto://u:{ENCODED_PASSWORD}@example.org"},
        {"AIRFLOW_CONN_COMETS_NOTICES": '{"conn_type": "apprise"}', "COMETS_NOTICES_URL": "slack://a/b/c"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_settings_resolve_as_in_the_local_stack(
    secrets: dict[str, str], settings: dict[str, str], tmp_path: Path
) -> None:
    native = resolve({**settings, "COMETS_STATE_DIR": str(tmp_path)}, project=tmp_path).variables
    kind = next((kind for kind in ("TIKHUB", "NOTICES") if any(kind in name for name in settings)), "DB")
    name = {"TIKHUB": "AIRFLOW_CONN_TIKHUB", "NOTICES": "AIRFLOW_CONN_COMETS_NOTICES"}.get(
        kind, "AIRFLOW_CONN_COMETS_DB"
    )
    assert resolved(secrets, **settings)[name] == native[name]


def test_sandbox_replaces_tikhub_only_with_its_profile_and_without_a_key(
    secrets: dict[str, str],
) -> None:
    assert "AIRFLOW_CONN_TIKHUB" not in resolved(secrets)
    sandbox = connection(resolved(secrets, COMPOSE_PROFILES="other,sandbox"), "TIKHUB")
    assert sandbox["host"] == "http://sandbox:8099"
    with_key = connection(resolved(secrets, COMPOSE_PROFILES="sandbox", TIKHUB_API_KEY="key"), "TIKHUB")
    assert with_key == {"conn_type": "http", "host": "https://api.tikhub.io", "password": "key"}


def test_sandbox_rate_limit_applies_only_to_the_sandbox_and_can_be_set(secrets: dict[str, str]) -> None:
    pace = "COMETS_REQUESTS_PER_SECOND"
    assert resolved(secrets, COMPOSE_PROFILES="sandbox")[pace] == "1000"
    assert resolved(secrets, COMPOSE_PROFILES="sandbox", COMETS_REQUESTS_PER_SECOND="2")[pace] == "2"
    assert pace not in resolved(secrets, COMPOSE_PROFILES="sandbox", TIKHUB_API_KEY="key")
    assert resolved(secrets, TIKHUB_API_KEY="key", COMETS_REQUESTS_PER_SECOND="2")[pace] == "2"


def test_empty_variables_count_as_not_set(secrets: dict[str, str]) -> None:
    empty = dict.fromkeys(passed_through(), "")
    assert resolved(secrets, **empty) == resolved(secrets)


def test_second_pass_changes_nothing(secrets: dict[str, str]) -> None:
    once = resolved(secrets, TIKHUB_API_KEY="key", DB_HOST="db.example.com")
    assert container_environment(once) == once


@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "REDIS_PASSWORD"])
def test_password_that_would_break_its_url_is_rejected(secrets: dict[str, str], name: str) -> None:
    with pytest.raises(SettingError, match=f"{name} must be letters and digits"):
        resolved(secrets, **{name: NASTY})


def test_command_receives_the_environment(secrets: dict[str, str]) -> None:
    given = environment_of("airflow-worker", {**secrets, "DB_HOST": "db.example.com", "DB_PASSWORD": NASTY})
    result = run(given, sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))")
    seen: dict[str, str] = json.loads(result.stdout)
    wanted = {name: value for name, value in container_environment(given).items() if name != "PYTHONPATH"}
    assert {name: seen.get(name) for name in wanted} == wanted
    assert connection(seen, "COMETS_DB")["password"] == NASTY
    assert CONSUMED.isdisjoint(seen)


def test_airflow_wrapper_reads_the_environment(secrets: dict[str, str], tmp_path: Path) -> None:
    given = environment_of("airflow-worker", secrets) | {"AIRFLOW_HOME": str(tmp_path)}
    result = run_program(given, "airflow", "config", "get-value", "database", "sql_alchemy_conn")
    url = container_environment(given)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    assert result.stdout.splitlines()[-1:] == [url], result.stderr


def test_invalid_setting_is_named_without_its_value(secrets: dict[str, str]) -> None:
    given = environment_of("airflow-worker", {**secrets, "DATABASE_URL": "mysql://u:hunter2@db.example.com/x"})
    result = run(given, "true")
    assert result.returncode == 1
    assert "DATABASE_URL is invalid" in result.stderr
    assert "hunter2" not in result.stdout + result.stderr


def passwords_of(environment: dict[str, str], tmp_path: Path, **settings: str) -> dict[str, str]:
    """Start the api-server's container with these settings; return its users' passwords."""
    file = tmp_path / "ui_passwords.json"
    result = run(environment | settings | {PASSWORDS_FILE_VARIABLE: str(file)}, "true")
    assert result.returncode == 0, result.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return dict(json.loads(file.read_text(encoding="utf-8")))


def test_each_user_has_a_password_that_every_start_repeats(secrets: dict[str, str], tmp_path: Path) -> None:
    given = environment_of("airflow-apiserver", {**secrets, "COMETS_UI_USERS": "ben:viewer,ada:admin,cleo:op"})
    found = passwords_of(given, tmp_path)
    assert found["ada"] == secrets["COMETS_UI_PASSWORD"]
    assert len(found["ben"]) == len(found["cleo"]) == 16
    assert found["ben"] != found["cleo"]
    assert passwords_of(given, tmp_path) == found
    assert container_environment(given)["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == "ben:viewer,ada:admin,cleo:op"
    others = passwords_of(given, tmp_path, AIRFLOW__API__SECRET_KEY="another")
    assert {name for name in found if others[name] != found[name]} == {"ben", "cleo"}


def test_one_password_can_be_set_and_a_removed_user_has_none(secrets: dict[str, str], tmp_path: Path) -> None:
    given = environment_of("airflow-apiserver", {**secrets, "COMETS_UI_USERS": "ada:admin,ben:viewer,cleo:op"})
    found = passwords_of(given, tmp_path)
    chosen = json.dumps({"ada": "ada's own", "ben": NASTY, "eve": "not a user"})
    again = passwords_of(given, tmp_path, COMETS_UI_PASSWORD=chosen)
    assert again == {"ada": "ada's own", "ben": NASTY, "cleo": found["cleo"]}
    assert list(passwords_of(given, tmp_path, COMETS_UI_USERS="ada:admin")) == ["ada"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"COMETS_UI_USERS": "ada:boss"}, "COMETS_UI_USERS is invalid: 'boss' is not a role"),
        ({"COMETS_UI_PASSWORD": '{"admin": "secret"'}, "COMETS_UI_PASSWORD is not valid JSON"),
        ({"COMETS_UI_PASSWORD": '{"admin": 12345678}'}, "COMETS_UI_PASSWORD must be a password, or JSON"),
        ({"TIKHUB_API_KEY": "secret", "TIKHUB_BASE_URL": "http://api.tikhub.dev"}, "TIKHUB_BASE_URL is invalid"),
        ({"AIRFLOW__API__BASE_URL": "comets.example.com"}, "AIRFLOW__API__BASE_URL must be an address"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_invalid_login_setting_is_named_before_the_start(
    secrets: dict[str, str], tmp_path: Path, settings: dict[str, str], problem: str
) -> None:
    given = environment_of("airflow-apiserver", secrets) | {PASSWORDS_FILE_VARIABLE: str(tmp_path / "file")}
    result = run(given | settings, "true")
    assert result.returncode == 1
    assert problem in result.stderr
    assert "secret" not in result.stderr
    assert "12345678" not in result.stderr
    assert not (tmp_path / "file").exists()


def test_base_url_changes_the_execution_api_and_the_trusted_proxies(secrets: dict[str, str]) -> None:
    api, proxies = "AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "FORWARDED_ALLOW_IPS"
    assert proxies not in resolved(secrets)
    assert resolved(secrets)[api] == "http://airflow-apiserver:8080/execution/"
    host = resolved(secrets, AIRFLOW__API__BASE_URL="https://comets.example.com")
    assert (host[api], host[proxies]) == ("http://airflow-apiserver:8080/execution/", "*")
    below = resolved(secrets, AIRFLOW__API__BASE_URL="https://example.com/comets/")
    assert below[api] == "http://airflow-apiserver:8080/comets/execution/"
    assert container_environment(below) == below


def test_sandbox_connection_passes_the_hook(secrets: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TIKHUB", resolved(secrets, COMPOSE_PROFILES="sandbox")["AIRFLOW_CONN_TIKHUB"])
    hook = TikHubHook()
    hook.get_conn()
    assert hook.base_url == "http://sandbox:8099"


def test_ui_password_reaches_only_the_auth_manager(secrets: dict[str, str], tmp_path: Path) -> None:
    given = environment_of("airflow-apiserver", secrets)
    variable = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
    file = tmp_path / Path(given[variable]).name
    file.write_text("left over from an earlier start")
    result = run(given | {variable: str(file)}, "env")
    assert json.loads(file.read_text(encoding="utf-8")) == {"admin": secrets["COMETS_UI_PASSWORD"]}
    assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0
    assert result.returncode == 0
    assert "COMETS_UI_PASSWORD" not in result.stdout
    assert "COMETS_UI_PASSWORD" not in environment_of("airflow-worker", secrets)
