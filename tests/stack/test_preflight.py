"""Key and database errors are reported before anything starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from include.sandbox.client import SandboxClient
from include.stack.account import AccountError, fetch_account
from include.stack.environment import resolve
from include.stack.ports import free_port
from include.stack.project import PROJECT

ACCOUNT = "get_user_info"


def run(command: str, state: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a TikHub key."""
    return subprocess.run(
        [sys.executable, "-m", "include.stack", command],
        cwd=PROJECT,
        env={
            "PATH": os.environ["PATH"],
            "COMETS_STATE_DIR": str(state),
            "TIKHUB_API_KEY": "a-key-0123456789",
            **variables,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("command", ["demo", "up"])
def test_rejected_key_is_reported_in_one_line(command: str, sandbox: SandboxClient, tmp_path: Path) -> None:
    sandbox.set_faults({"route": ACCOUNT, "fault": "status", "status": 401})
    result = run(command, tmp_path, TIKHUB_BASE_URL=sandbox.url)
    assert result.returncode == 1
    assert result.stderr == "Error: TikHub rejects the key in TIKHUB_API_KEY (HTTP 401). Copy it again from TikHub.\n"
    assert not (tmp_path / "postgres").exists()
    assert all(call["route"] == ACCOUNT for call in sandbox.calls())


def test_unreachable_host_is_named(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = run("demo", tmp_path, TIKHUB_BASE_URL=url)
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert f"Can't reach TikHub at {url}" in result.stderr


def test_unreachable_database_is_named_without_its_password(sandbox: SandboxClient, tmp_path: Path) -> None:
    url = f"postgresql://me:top-secret@127.0.0.1:{free_port()}/x"
    result = run("demo", tmp_path, TIKHUB_BASE_URL=sandbox.url, DATABASE_URL=url)
    assert result.returncode == 1
    assert "Can't connect to database x" in result.stderr
    assert "top-secret" not in result.stderr
    assert not (tmp_path / "postgres").exists()


def test_account_is_fetched_from_the_hooks_base_url(
    sandbox: SandboxClient, state: dict[str, str], tmp_path: Path
) -> None:
    connection = {"conn_type": "http", "host": sandbox.url.removeprefix("http://"), "password": "a-key-0123456789"}
    account = fetch_account(resolve({**state, "AIRFLOW_CONN_TIKHUB": json.dumps(connection)}, tmp_path))
    assert account is not None
    assert account.balance > 0


def test_uri_connection_is_skipped(state: dict[str, str], tmp_path: Path) -> None:
    assert fetch_account(resolve({**state, "AIRFLOW_CONN_TIKHUB": "http://:key@api.example.com"}, tmp_path)) is None


@pytest.mark.parametrize(
    "connection",
    [
        '{"host": "x"}',
        '{"password": ',
        '{"host": "ftp://x", "password": "secret"}',
        '{"host": "http://x", "password": "secret", "extra": "{}"}',
        '{"host": "http://x", "password": "secret", "extra": "not JSON"}',
    ],
)
def test_invalid_connection_is_named_without_its_key(connection: str, state: dict[str, str], tmp_path: Path) -> None:
    environment = replace(resolve(state, tmp_path), variables={"AIRFLOW_CONN_TIKHUB": connection})
    with pytest.raises(AccountError, match="AIRFLOW_CONN_TIKHUB") as caught:
        fetch_account(environment)
    assert "secret" not in str(caught.value)
