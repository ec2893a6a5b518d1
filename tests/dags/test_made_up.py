"""Made-up and real creators never share a database."""

from __future__ import annotations

import pytest

from comets.made_up import SANDBOX_KEY
from include.sandbox.client import SandboxClient
from include.stack import environment
from tests.conftest import tikhub_connection_to
from tests.dags.worlds import World, cast, page_of


def test_the_stack_asks_the_sandbox_by_the_key_that_the_package_knows() -> None:
    assert environment.SANDBOX_KEY == SANDBOX_KEY


@pytest.mark.parametrize(("first_is_made_up", "held"), [(False, "real creators"), (True, "made-up creators")])
def test_a_run_that_would_mix_them_is_refused_before_any_call(
    first_is_made_up: bool, held: str, world: World, running_server: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [SANDBOX_KEY, "a-key-of-tikhub"] if first_is_made_up else ["a-key-of-tikhub", SANDBOX_KEY]
    monkeypatch.setenv("AIRFLOW_CONN_TIKHUB", tikhub_connection_to(running_server, keys[0]))
    assert world.run("2026-03-01", page_of(*cast(2))).state == "success"
    before = world.contents()
    monkeypatch.setenv("AIRFLOW_CONN_TIKHUB", tikhub_connection_to(running_server, keys[1]))
    refused = world.run("2026-03-02", page_of(*cast(2)))
    assert refused.state == "failed"
    assert (refused.searches, refused.asked) == ([], [])
    assert f"holds {held}" in refused.log
    assert world.contents() == before


def test_creators_of_the_original_are_real(
    world: World, running_server: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.rows("insert into creators (user_id, handle) values ('6801234567890123456', 'ada') returning user_id")
    monkeypatch.setenv("AIRFLOW_CONN_TIKHUB", tikhub_connection_to(running_server, SANDBOX_KEY))
    refused = world.run("2026-03-01", page_of(*cast(2)))
    assert (refused.state, refused.searches) == ("failed", [])
