"""Every setting of the creators' database logs in with any password."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from airflow.providers.postgres.hooks.postgres import PostgresHook

from include.stack.database import DatabaseError, connect, describe
from include.stack.environment import SettingError, resolve
from include.stack.postgres import EmbeddedPostgres
from tests.stack.conftest import PASSWORDS

Way = Callable[[str, str, int], dict[str, str]]


def encoded_url(user: str, password: str, port: int) -> str:
    return f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@127.0.0.1:{port}/postgres"


def raw_url(user: str, password: str, port: int) -> str:
    return f"postgres://{user}:{password}@127.0.0.1:{port}/postgres"


def parts(user: str, password: str, port: int) -> dict[str, str]:
    return {
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(port),
        "DB_NAME": "postgres",
        "DB_USER": user,
        "DB_PASSWORD": password,
    }


def json_connection(user: str, password: str, port: int) -> str:
    fields = {"conn_type": "postgres", "host": "127.0.0.1", "port": port, "schema": "postgres"}
    return json.dumps(fields | {"login": user, "password": password})


WAYS: dict[str, Way] = {
    "encoded-url": lambda *login: {"DATABASE_URL": encoded_url(*login)},
    "raw-url": lambda *login: {"POSTGRES_URL": raw_url(*login)},
    "raw-url-with-options": lambda *login: {
        "SUPABASE_DB_URL": raw_url(*login) + "?sslmode=prefer&pgbouncer=true&supa=x"
    },
    "sqlalchemy-url": lambda *login: {
        "POSTGRES_URL_NON_POOLING": encoded_url(*login).replace("postgresql:", "postgresql+psycopg2:")
    },
    "parts": lambda *login: parts(*login),
    "json-connection": lambda *login: {"AIRFLOW_CONN_COMETS_DB": json_connection(*login)},
    "uri-connection": lambda *login: {"AIRFLOW_CONN_COMETS_DB": encoded_url(*login)},
}


def logged_in_user(variables: Mapping[str, str], project: Path) -> str:
    """Log in with the variables' settings; return the server's current user."""
    with connect(resolve(variables, project)) as connection:
        row = connection.execute("select current_user as name").fetchone()
    assert row
    return str(row["name"])


@pytest.mark.parametrize("user", PASSWORDS)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_password_works_in_every_variable(
    way: Way, user: str, password_server: EmbeddedPostgres, state: dict[str, str], tmp_path: Path
) -> None:
    settings = way(user, PASSWORDS[user], password_server.port)
    assert logged_in_user({**state, **settings}, tmp_path) == user


@pytest.mark.parametrize("user", PASSWORDS)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_password_works_in_the_env_file(
    way: Way, user: str, password_server: EmbeddedPostgres, state: dict[str, str], tmp_path: Path
) -> None:
    settings = way(user, PASSWORDS[user], password_server.port)
    quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in settings.items()}
    (tmp_path / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in quoted.items()), encoding="utf-8")
    assert logged_in_user(state, tmp_path) == user


@pytest.mark.parametrize("user", PASSWORDS)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_airflow_hook_logs_in_with_the_resolved_connection(
    way: Way,
    user: str,
    password_server: EmbeddedPostgres,
    state: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = way(user, PASSWORDS[user], password_server.port)
    resolved = resolve({**state, **settings}, tmp_path).variables["AIRFLOW_CONN_COMETS_DB"]
    monkeypatch.setenv("AIRFLOW_CONN_COMETS_DB", resolved)
    assert PostgresHook("comets_db").get_first("select current_user")[0] == user


def test_wrong_password_is_rejected(password_server: EmbeddedPostgres, state: dict[str, str], tmp_path: Path) -> None:
    settings = {"DATABASE_URL": raw_url("plain", "not-the-secret", password_server.port)}
    with pytest.raises(DatabaseError, match="password authentication failed") as caught:
        logged_in_user({**state, **settings}, tmp_path)
    assert "not-the-secret" not in str(caught.value)


def test_first_url_set_wins(state: dict[str, str], tmp_path: Path) -> None:
    urls = {
        "SUPABASE_DB_URL": "",
        "POSTGRES_URL_NON_POOLING": "postgres://u@second/db",
        "POSTGRES_URL": "postgres://u@third/db",
        "DB_HOST": "fifth",
    }
    environment = resolve({**state, **urls}, tmp_path)
    assert environment.database["host"] == "second"
    assert environment.database_source == "POSTGRES_URL_NON_POOLING"


def test_airflow_variable_wins(state: dict[str, str], tmp_path: Path) -> None:
    settings = {"AIRFLOW_CONN_COMETS_DB": json_connection("me", "x", 1), "SUPABASE_DB_URL": "postgres://u@other/db"}
    assert resolve({**state, **settings}, tmp_path).database["login"] == "me"


def test_embedded_database_is_the_default(state: dict[str, str], tmp_path: Path) -> None:
    environment = resolve(state, tmp_path)
    assert environment.database_source is None
    assert environment.needs_embedded_postgres
    assert environment.database["schema"] == "comets"


def test_foreign_url_options_are_dropped_and_pgbouncer_is_respected(state: dict[str, str], tmp_path: Path) -> None:
    url = "postgresql://u:p@pooler:6543/db?pgbouncer=true&sslmode=require&connection_limit=1&supa=base-pooler.x"
    database = resolve({**state, "DATABASE_URL": url}, tmp_path).database
    assert database["extra"] == {"sslmode": "require", "prepare_threshold": None}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@[::1]:5433/db", {"host": "::1", "port": 5433, "schema": "db"}),
        ("postgresql:///db?host=%2Ftmp%2Fa%20b&user=me", {"host": "/tmp/a b", "login": "me", "schema": "db"}),
        ("postgres://u:p%40@host/d%20b", {"password": "p@", "schema": "d b"}),
    ],
)
def test_less_common_urls_are_understood(
    url: str, expected: dict[str, object], state: dict[str, str], tmp_path: Path
) -> None:
    database = resolve({**state, "DATABASE_URL": url}, tmp_path).database
    assert {name: database.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    "settings",
    [
        {"DATABASE_URL": "mysql://u:top-secret@host/db"},
        {"SUPABASE_DB_URL": "postgresql://u:top-secret@host:port/db"},
        {"DB_HOST": "host", "DB_PORT": "5432x", "DB_PASSWORD": "top-secret"},
    ],
)
def test_invalid_setting_is_named_without_its_value(
    settings: dict[str, str], state: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(SettingError) as caught:
        resolve({**state, **settings}, tmp_path)
    assert any(name in str(caught.value) for name in settings)
    assert "top-secret" not in str(caught.value)


def test_database_description_holds_no_password(state: dict[str, str], tmp_path: Path) -> None:
    environment = resolve({**state, "DATABASE_URL": "postgres://me:top-secret@host:5433/db"}, tmp_path)
    assert describe(environment) == "database db at host:5433 as me (from DATABASE_URL)"
