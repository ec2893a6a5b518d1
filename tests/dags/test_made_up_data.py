"""Made-up and real creators never share a database."""

from __future__ import annotations

import psycopg
import pytest

from comets.errors import MixedDataError
from comets.operators.accept_run import AcceptRunOperator
from comets.runs.acceptance import SANDBOX_KEY
from include.sandbox.client import SandboxClient
from include.stack import environment
from tests.conftest import tikhub_connection_to
from tests.dags.worlds import run_context


def test_stack_and_package_share_the_sandbox_key() -> None:
    assert environment.SANDBOX_KEY == SANDBOX_KEY


def accept(run_id: str) -> None:
    """Run the task accept_run."""
    AcceptRunOperator(task_id="accept").execute(run_context(run_id, "2026-03-01T02:00:00+00:00"))


@pytest.mark.parametrize(("first_is_made_up", "held"), [(False, "real creators"), (True, "made-up creators")])
def test_run_that_would_mix_real_and_made_up_data_is_rejected(
    first_is_made_up: bool,
    held: str,
    comets_connection: str,
    running_server: SandboxClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = [SANDBOX_KEY, "a-key-of-tikhub"] if first_is_made_up else ["a-key-of-tikhub", SANDBOX_KEY]
    monkeypatch.setenv("AIRFLOW_CONN_TIKHUB", tikhub_connection_to(running_server, keys[0]))
    accept("first")
    monkeypatch.setenv("AIRFLOW_CONN_TIKHUB", tikhub_connection_to(running_server, keys[1]))
    with pytest.raises(MixedDataError, match=f"no call was made.*holds {held}"):
        accept("second")
    with psycopg.connect(comets_connection) as connection:
        assert connection.execute("select run_id from comet_runs").fetchall() == [("first",)]


def test_upgraded_creators_count_as_real(
    comets_connection: str, running_server: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(comets_connection) as connection:
        connection.execute("insert into creators (user_id, handle) values ('6801234567890123456', 'ada')")
    monkeypatch.setenv("AIRFLOW_CONN_TIKHUB", tikhub_connection_to(running_server, SANDBOX_KEY))
    with pytest.raises(MixedDataError, match="holds real creators"):
        accept("made up")
