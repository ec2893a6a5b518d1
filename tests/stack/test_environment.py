"""Precedence of settings, and the resolved environment."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from include.stack.environment import SettingError, exported_record, resolve
from include.stack.keys import load_keys


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with settings in `.env`."""
    lines = ["TIKHUB_API_KEY=from-file", "COMETS_UI_PORT=8181", "AIRFLOW__CORE__PARALLELISM=3"]
    (tmp_path / ".env").write_text("\n".join(lines))
    return tmp_path


def tikhub(variables: dict[str, str], project: Path) -> dict[str, str]:
    return dict(json.loads(resolve(variables, project).variables["AIRFLOW_CONN_TIKHUB"]))


def test_env_file_is_read(state: dict[str, str], project: Path) -> None:
    environment = resolve(state, project)
    assert environment.ui_port == 8181
    assert environment.variables["AIRFLOW__CORE__PARALLELISM"] == "3"
    assert tikhub(state, project) == {"conn_type": "http", "host": "https://api.tikhub.io", "password": "from-file"}


def test_exported_variables_win_over_the_env_file(state: dict[str, str], project: Path) -> None:
    variables = {
        **state,
        "TIKHUB_API_KEY": "exported",
        "TIKHUB_BASE_URL": "https://other.example/",
        "COMETS_UI_PORT": "1",
    }
    assert tikhub(variables, project)["password"] == "exported"
    assert tikhub(variables, project)["host"] == "https://other.example"
    assert resolve(variables, project).ui_port == 1


def test_empty_exported_variable_disables_the_env_file_value(state: dict[str, str], project: Path) -> None:
    assert resolve({**state, "TIKHUB_API_KEY": ""}, project).is_sandbox


@pytest.mark.parametrize(
    "url", ["http://api.tikhub.dev", " HTTP://10.0.0.1:80/x", "http://localhost.example", "http://["]
)
def test_plain_http_to_another_machine_is_rejected_without_the_key(
    url: str, state: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match="TIKHUB_BASE_URL is invalid: it must start with https://") as caught:
        resolve({**state, "TIKHUB_API_KEY": "top-secret", "TIKHUB_BASE_URL": url}, tmp_path)
    assert "top-secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.1.2.3", "http://[::1]:1/x", "https://10.0.0.1"])
def test_https_and_plain_http_to_this_machine_are_accepted(url: str, state: dict[str, str], tmp_path: Path) -> None:
    assert tikhub({**state, "TIKHUB_API_KEY": "key", "TIKHUB_BASE_URL": url}, tmp_path)["host"] == url


def test_sandbox_is_the_default(state: dict[str, str], tmp_path: Path) -> None:
    environment = resolve({**state, "COMETS_SANDBOX_PORT": "9001"}, tmp_path)
    assert environment.is_sandbox
    assert tikhub({**state, "COMETS_SANDBOX_PORT": "9001"}, tmp_path)["host"] == "http://127.0.0.1:9001"


@pytest.mark.parametrize(
    "form", ['{"conn_type": "http", "host": "http://127.0.0.1:8099"}', "http://localhost:8099/?x=y"]
)
def test_connection_to_the_sandbox_port_is_the_sandbox(form: str, state: dict[str, str], tmp_path: Path) -> None:
    assert resolve({**state, "AIRFLOW_CONN_TIKHUB": form}, tmp_path).is_sandbox


def test_connection_to_another_port_is_not_the_sandbox(state: dict[str, str], tmp_path: Path) -> None:
    connection = '{"conn_type": "http", "host": "http://127.0.0.1:80991"}'
    environment = resolve({**state, "AIRFLOW_CONN_TIKHUB": connection}, tmp_path)
    assert environment.tikhub_source == "AIRFLOW_CONN_TIKHUB"
    assert environment.variables["AIRFLOW_CONN_TIKHUB"] == connection


def test_sandbox_rate_limit_applies_only_to_the_sandbox_and_can_be_set(state: dict[str, str], tmp_path: Path) -> None:
    pace = "COMETS_REQUESTS_PER_SECOND"
    assert resolve(state, tmp_path).variables[pace] == "1000"
    assert resolve({**state, pace: "2"}, tmp_path).variables[pace] == "2"
    assert resolve({**state, pace: ""}, tmp_path).variables[pace] == "1000"
    assert pace not in resolve({**state, "TIKHUB_API_KEY": "key"}, tmp_path).variables
    connection = "http://localhost:8099/?x=y"
    assert resolve({**state, "AIRFLOW_CONN_TIKHUB": connection}, tmp_path).variables[pace] == "1000"


def test_notification_connection_wins_over_the_url_variable(state: dict[str, str], tmp_path: Path) -> None:
    name = "AIRFLOW_CONN_COMETS_NOTICES"
    assert name not in resolve(state, tmp_path).variables
    assert name not in resolve({**state, "COMETS_NOTICES_URL": " "}, tmp_path).variables
    urls = "slack://a/b/c, mailto://u:p%40@example.org"
    (tmp_path / ".env").write_text(f"COMETS_NOTICES_URL='{urls}'")
    environment = resolve(state, tmp_path)
    assert json.loads(environment.own[name]) == {"conn_type": "apprise", "extra": {"config": [{"path": urls}]}}
    assert resolve({**state, name: "own"}, tmp_path).variables[name] == "own"
    assert name not in resolve({**state, "COMETS_NOTICES_URL": ""}, tmp_path).variables


def test_airflow_settings_of_the_caller_win(state: dict[str, str], tmp_path: Path) -> None:
    own = {
        "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
        "AIRFLOW__CORE__DAGS_FOLDER": "/elsewhere",
        "AIRFLOW__API__PORT": "9999",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////tmp/x.db",
    }
    environment = resolve({**state, **own}, tmp_path)
    assert {name: environment.variables[name] for name in own} == own
    assert environment.ui_port == 9999
    assert environment.variables["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:9999/execution/"
    assert environment.metadata_source == "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


@pytest.mark.parametrize("suffix", ["_CMD", "_SECRET"])
def test_metadata_database_named_by_a_command_is_the_callers(
    suffix: str, state: dict[str, str], tmp_path: Path
) -> None:
    variable = f"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN{suffix}"
    environment = resolve({**state, variable: "x"}, tmp_path)
    assert environment.metadata_source == variable
    assert "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" not in environment.variables


def test_own_databases_need_no_embedded_server(state: dict[str, str], tmp_path: Path) -> None:
    own = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////tmp/x.db", "DATABASE_URL": "postgres://u@h/d"}
    assert not resolve({**state, **own}, tmp_path).needs_embedded_postgres


@pytest.mark.parametrize("value", ["0", "65536", "http", "80 80", "٨٠٨٠"])
def test_invalid_port_is_rejected(value: str, state: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="COMETS_UI_PORT"):
        resolve({**state, "COMETS_UI_PORT": value}, tmp_path)


def test_values_exported_by_make_env_are_not_the_callers(state: dict[str, str], project: Path) -> None:
    own = dict(resolve(state, project).own)
    shell = {**state, **own, "COMETS_EXPORTED": exported_record(own)}
    (project / ".env").unlink()
    later = resolve(shell, project)
    assert later.is_sandbox
    assert later.ui_port == 8080
    assert later.variables["AIRFLOW__CORE__PARALLELISM"] == "18"


def test_changes_since_make_env_win(state: dict[str, str], project: Path) -> None:
    own = dict(resolve(state, project).own)
    shell = {**state, **own, "COMETS_EXPORTED": exported_record(own), "AIRFLOW__CORE__PARALLELISM": "5"}
    assert resolve(shell, project).variables["AIRFLOW__CORE__PARALLELISM"] == "5"


def test_list_variables_survive_a_second_export(state: dict[str, str], tmp_path: Path) -> None:
    caller = {**state, "PYTHONPATH": "/mine", "http_proxy": "http://proxy:1", "no_proxy": "intranet"}
    own = dict(resolve(caller, tmp_path).own)
    again = resolve({**caller, **own, "COMETS_EXPORTED": exported_record(own)}, tmp_path).variables
    assert ":/mine:" in again["PYTHONPATH"]
    assert again["PYTHONPATH"].count("plugins") == 1
    assert again["no_proxy"] == "intranet,127.0.0.1,localhost"


def test_keys_are_generated_once_and_private(tmp_path: Path) -> None:
    first = load_keys(tmp_path / "keys")
    assert load_keys(tmp_path / "keys") == first
    assert first != load_keys(tmp_path / "other")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
