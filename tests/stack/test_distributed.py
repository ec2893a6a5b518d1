"""`make distributed` on one machine: nothing is open to others, and logs can be read."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.stack.ports import LOOPBACK, free_port
from tests.conftest import TEST_FOLDER
from tests.stack.distributed_stack import require_redis
from tests.stack.listeners import listening_addresses, logs_of_a_search
from tests.stack.test_demo import starting


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    """The variables of a caller that runs `make distributed`."""
    require_redis()
    variables = {
        "COMETS_STATE_DIR": str(TEST_FOLDER / "a state of workers"),
        "COMETS_UI_PORT": str(free_port()),
        "COMETS_SANDBOX_PORT": str(free_port()),
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
    }
    with starting(variables, "distributed") as stack:
        try:
            yield variables
        finally:
            stack.send_signal(signal.SIGTERM)
            stack.communicate()


def test_log_of_a_running_and_of_an_ended_task_can_be_read(variables: dict[str, str]) -> None:
    running, ended = logs_of_a_search(variables)
    assert "Worker startup parse complete" in running
    assert "TikHub search for 'gymtok'" in ended
    assert "Traceback" not in (Path(variables["COMETS_STATE_DIR"]) / "logs" / "api-server.log").read_text()


def test_no_process_listens_on_another_interface(variables: dict[str, str]) -> None:
    found = listening_addresses(Path(variables["COMETS_STATE_DIR"]))
    assert len(found) >= 3
    assert set().union(*found.values()) == {LOOPBACK}, found
