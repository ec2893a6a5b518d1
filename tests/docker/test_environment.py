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
from include.docker.__main__ import CONSUMED, SECRETS_FOLDER, container_environment, with_secrets
from include.stack.environment import resolve
from include.stack.logins import PASSWORDS_FILE_VARIABLE
from tests.docker.compose import (
    AIRFLOW_SERVICES,
    PROJECT_FOLDER,
    SERVICES,
    environment_of,
    fill_in,
    make_secrets,
    passed_through,
    required,
    secrets_of,
)
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
    environment = container_environment(environment_of("airflow-scheduler", secrets))
    url = make_url(environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    assert url.drivername == "postgresql+psycopg2"
    assert (url.host, url.port, url.database, url.username) == ("postgres", 5432, "airflow", "airflow_metadata")
    assert url.password == secrets["AIRFLOW_METADATA_PASSWORD"]
    for name, number in (("AIRFLOW__CELERY__BROKER_URL", "0"), ("AIRFLOW__CELERY__RESULT_BACKEND", "1")):
        queue = parse_url(environment[name])
        assert (queue["transport"], queue["hostname"], queue["port"]) == ("redis", "redis", 6379)
        assert (queue["virtual_host"], queue["password"]) == (number, secrets["REDIS_PASSWORD"])


@pytest.mark.parametrize(
    ("service", "role"),
    [("airflow-init", "comets_owner"), ("airflow-worker", "comets_app"), ("airflow-apiserver", "comets_page")],
)
def test_bundled_database_is_the_default(secrets: dict[str, str], service: str, role: str) -> None:
    environment = container_environment(environment_of(service, secrets))
    assert connection(environment, "COMETS_DB") == {
        "conn_type": "postgres",
        "host": "postgres",
        "port": 5432,
        "schema": "comets",
        "login": role,
        "password": secrets[f"{role.upper()}_PASSWORD"],
    }


METADATA = "AIRFLOW_METADATA_PASSWORD"
SIGNING_KEY, TOKEN_KEY, STORED_KEY = (
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW__CORE__FERNET_KEY",
)
# What the processes of each service know; the UI's password is in a file that Airflow reads.
KNOWN = {
    "airflow-init": {METADATA, "COMETS_OWNER_PASSWORD"},
    "airflow-apiserver": {METADATA, "COMETS_PAGE_PASSWORD", SIGNING_KEY, TOKEN_KEY, STORED_KEY},
    "airflow-execution-api": {METADATA, TOKEN_KEY, STORED_KEY},
    "airflow-scheduler": {METADATA, "REDIS_PASSWORD", TOKEN_KEY, STORED_KEY},
    "airflow-dag-processor": {METADATA},
    "airflow-triggerer": {METADATA, SIGNING_KEY, STORED_KEY},
    "airflow-worker": {"COMETS_APP_PASSWORD", "REDIS_PASSWORD", SIGNING_KEY, "TIKHUB_API_KEY", "COMETS_NOTICES_URL"},
}
# What only a file of the service has.
ONLY_MOUNTED = {
    "airflow-init": {"POSTGRES_PASSWORD", "COMETS_APP_PASSWORD", "COMETS_PAGE_PASSWORD"},
    "airflow-apiserver": {"COMETS_UI_PASSWORD"},
}
SETTINGS = {"airflow-init": {"database.env"}, "airflow-apiserver": {"page.env"}} | {
    "airflow-worker": {"database.env", "tikhub.env", "notices.env"}
}
OWN_DATABASE = {"DB_HOST": "db.example.com", "DB_PASSWORD": "value-of-DB_PASSWORD"}


@pytest.mark.parametrize("service", sorted(AIRFLOW_SERVICES))
@pytest.mark.parametrize("database", [{}, OWN_DATABASE], ids=["bundled", "own"])
def test_service_knows_its_own_secrets_only(service: str, database: dict[str, str], tmp_path: Path) -> None:
    settings = {"TIKHUB_API_KEY": "a-key", "COMETS_NOTICES_URL": "json://host.example.com", **database}
    files = make_secrets(tmp_path, **settings)
    folder = only(tmp_path, *secrets_of(service))
    declared = SERVICES[service]["environment"]
    environment = {name: fill_in(text, settings) for name, text in declared.items() if text is not None}
    environment |= {SECRETS_FOLDER: str(folder), PASSWORDS_FILE_VARIABLE: str(tmp_path / "passwords")}
    result = run(environment, "env")
    assert result.returncode == 0, result.stderr
    values = {name: text for name, text in files.items() if name in required()} | settings
    roles = {
        name
        for name in KNOWN[service]
        if name in ("COMETS_OWNER_PASSWORD", "COMETS_APP_PASSWORD", "COMETS_PAGE_PASSWORD")
    }
    known = (KNOWN[service] - roles) | (set(OWN_DATABASE) if roles else set()) if database else KNOWN[service]
    assert {name for name, text in values.items() if text in result.stdout} == known


@pytest.mark.parametrize("service", sorted(AIRFLOW_SERVICES))
def test_service_has_the_files_of_its_own_secrets_only(service: str) -> None:
    files = secrets_of(service)
    assert files & required() == KNOWN[service] & required() | ONLY_MOUNTED.get(service, set())
    assert files - required() - {"COMETS_COPIED"} == SETTINGS.get(service, set())


def test_page_has_a_login_of_its_own_to_a_database_of_yours(tmp_path: Path) -> None:
    page = "postgresql://page:p%40ss@db.example.com/x"
    make_secrets(tmp_path, DATABASE_URL="postgresql://app:secret@db.example.com/x", COMETS_PAGE_DATABASE_URL=page)
    found = connection(
        container_environment(with_secrets({SECRETS_FOLDER: str(only(tmp_path, "page.env"))})), "COMETS_DB"
    )
    assert (found["login"], found["password"], found["host"]) == ("page", "p@ss", "db.example.com")


def test_page_shows_real_creators_without_knowing_the_key(secrets: dict[str, str]) -> None:
    settings = {"COMPOSE_PROFILES": "sandbox", "TIKHUB_API_KEY": "key"}
    environment = container_environment(environment_of("airflow-apiserver", secrets | settings))
    assert connection(environment, "COMETS_DB")["schema"] == "comets"
    assert "AIRFLOW_CONN_TIKHUB" not in environment


def test_unreadable_secret_names_the_script(tmp_path: Path) -> None:
    (tmp_path / "REDIS_PASSWORD").write_bytes(b"\xff")
    result = run({SECRETS_FOLDER: str(tmp_path)}, "env")
    assert result.returncode == 1
    assert "REDIS_PASSWORD can't be read: it is not UTF-8. Run: sh include/docker/secrets.sh" in result.stderr


def only(folder: Path, *names: str) -> Path:
    """Remove all secrets but some; return their folder."""
    for path in (folder / "secrets").iterdir():
        if path.name not in names:
            path.unlink()
    return folder / "secrets"


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


def test_command_receives_the_environment(secrets: dict[str, str]) -> None:
    given = environment_of("airflow-worker", {**secrets, "DB_HOST": "db.example.com", "DB_PASSWORD": NASTY})
    result = run(given, sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))")
    seen: dict[str, str] = json.loads(result.stdout)
    wanted = {name: value for name, value in container_environment(given).items() if name != "PYTHONPATH"}
    assert {name: seen.get(name) for name in wanted} == wanted
    assert connection(seen, "COMETS_DB")["password"] == NASTY
    assert CONSUMED.isdisjoint(seen)


def test_airflow_wrapper_reads_the_environment(secrets: dict[str, str], tmp_path: Path) -> None:
    given = environment_of("airflow-scheduler", secrets) | {"AIRFLOW_HOME": str(tmp_path)}
    given["AIRFLOW_CONFIG"] = str(tmp_path / "airflow.cfg")
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
    assert resolved(secrets)[api] == "http://airflow-execution-api:8080/execution/"
    host = resolved(secrets, AIRFLOW__API__BASE_URL="https://comets.example.com")
    assert (host[api], host[proxies]) == ("http://airflow-execution-api:8080/execution/", "*")
    below = resolved(secrets, AIRFLOW__API__BASE_URL="https://example.com/comets/")
    assert below[api] == "http://airflow-execution-api:8080/comets/execution/"
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
