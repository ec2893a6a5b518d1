"""A drill: the backup of one clone restored on another, the next day run there, and a creator erased from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow_client.client import TriggerDAGRunPostBody

from comets.settings import DAG_ID
from include.sandbox.client import SandboxClient
from include.sandbox.server import running_sandbox
from include.stack.airflow_api import FINAL_STATES
from include.stack.database import connect
from include.stack.demo import DAG_SECONDS
from include.stack.environment import resolve
from include.stack.ports import free_port
from include.stack.up import running_airflow
from tests.conftest import FAST_SETTINGS
from tests.stack.running_stack import AIRFLOW_SETTINGS, RUN_SECONDS, DagApi
from tests.stack.test_commands import run_stack
from tests.stack.test_demo import NOTHING_CONFIGURED

ERASURE_DAG = "forget_creator"
DAY = datetime(2026, 3, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxClient]:
    """A sandbox in the place of TikHub: creators are real for the stack."""
    with running_sandbox() as client:
        yield client


def caller_of(state: Path, sandbox: SandboxClient) -> dict[str, str]:
    """Return the variables of a clone with its own state folder."""
    return {
        "PATH": os.environ["PATH"],
        **NOTHING_CONFIGURED,
        **AIRFLOW_SETTINGS,
        "TIKHUB_API_KEY": "a-key",
        "TIKHUB_BASE_URL": sandbox.url,
        "COMETS_SETTINGS_FILE": str(FAST_SETTINGS),
        "COMETS_STATE_DIR": str(state),
        "COMETS_UI_PORT": str(free_port()),
        "COMETS_SANDBOX_PORT": str(free_port()),
    }


@contextmanager
def running(caller: dict[str, str]) -> Iterator[DagApi]:
    """Run the stack of a clone with its Dags unpaused."""
    environment = resolve(caller)
    with running_airflow(environment, "a test") as stack:
        api = DagApi(stack.url, stack.check)
        api.log_in(environment.variables)
        for dag_id in (DAG_ID, ERASURE_DAG):
            api.wait_for_dag(dag_id, DAG_SECONDS)
            api.set_paused(dag_id, False)
        yield api


def run(api: DagApi, dag_id: str, logical_date: datetime | None, conf: dict[str, Any]) -> None:
    """Run a Dag until it succeeds."""
    body = TriggerDAGRunPostBody(logical_date=logical_date, conf=conf)
    run_id = api.dag_runs.trigger_dag_run(dag_id, body).dag_run_id
    api.wait_for(lambda: api.run_state(dag_id, run_id) in FINAL_STATES, RUN_SECONDS, f"{run_id} did not end")
    assert api.run_state(dag_id, run_id) == "success", "\n".join(api.failures(dag_id, run_id))


def rows(caller: dict[str, str], query: str, *parameters: Any) -> list[dict[str, Any]]:
    with connect(resolve(caller)) as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def test_backup_of_one_clone_runs_its_next_day_on_another(sandbox: SandboxClient, tmp_path: Path) -> None:
    first, second = (caller_of(tmp_path / name, sandbox) for name in ("first clone", "second clone"))
    saved = tmp_path / "saved.tar"
    conf = {"hashtags": ["drill"], "pages_per_hashtag": 1}
    sandbox.set_clock(DAY)
    with running(first) as api:
        run(api, DAG_ID, DAY, conf)
        backup = run_stack("backup", str(saved), **first)
        before = rows(first, "select user_id, follower_count from creator_stats order by user_id")
    assert before
    assert backup.stdout == f"Saved {len(before)} creators, Airflow's database and the keys to {saved}.\n"

    restored = run_stack("restore", str(saved), **second)
    assert restored.returncode == 0, restored.stderr
    sandbox.set_clock(DAY + timedelta(days=1))
    with running(second) as api:
        assert [found.logical_date for found in api.runs()] == [DAY]
        run(api, DAG_ID, DAY + timedelta(days=1), conf)
        grown = rows(
            second, "select user_id, gap_days from creator_stats where recorded_date = %s", DAY.date() + timedelta(1)
        )
        assert {row["user_id"] for row in before} <= {row["user_id"] for row in grown if row["gap_days"] == 1}

        erased = before[0]["user_id"]
        run(api, ERASURE_DAG, None, {"creator": erased, "confirm_uid": erased})
        assert rows(second, "select user_id from creators where user_id = %s", erased) == []
        assert rows(second, "select user_id from creator_stats where user_id = %s", erased) == []
