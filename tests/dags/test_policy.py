"""Rules that every Dag of the package follows."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError

from comets.notifications.notifier import FailureNotifier
from comets.privacy.task_logs import DAG_IDS

PROJECT_FOLDER = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((PROJECT_FOLDER / "dags").glob("*.py"))


@pytest.fixture(scope="module")
def dag_bag() -> DagBag:
    return DagBag(str(PROJECT_FOLDER / "dags"))


@pytest.fixture(scope="module")
def dag(dag_bag: DagBag) -> DAG:
    """The Dag comet_discovery."""
    found: DAG = dag_bag.dags["comet_discovery"]
    return found


@pytest.fixture(params=[path.stem for path in DAG_FILES])
def any_dag(dag_bag: DagBag, request: pytest.FixtureRequest) -> DAG:
    """Each Dag in turn."""
    found: DAG = dag_bag.dags[request.param]
    return found


def test_dags_import_without_any_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
        monkeypatch.delenv(name)
    found = DagBag(str(PROJECT_FOLDER / "dags"))
    assert found.import_errors == {}
    assert set(found.dags) == {"comet_discovery", "comet_maintenance", "forget_creator"}


def test_discovery_and_maintenance_run_daily_without_catchup(dag_bag: DagBag) -> None:
    schedules = {"comet_discovery": "0 2 * * *", "comet_maintenance": "0 4 * * *"}
    assert {name: str(dag_bag.dags[name].schedule) for name in schedules} == schedules
    assert not any(dag_bag.dags[name].catchup for name in schedules)


def test_forget_creator_is_manual_and_requires_a_creator(dag_bag: DagBag) -> None:
    erasure: DAG = dag_bag.dags["forget_creator"]
    assert erasure.schedule is None
    assert list(erasure.params) == ["creator", "confirm_uid"]
    with pytest.raises(ParamValidationError):
        erasure.params.validate()


def test_only_discovery_starts_paused(any_dag: DAG) -> None:
    assert (any_dag.is_paused_upon_creation is not False) == (any_dag.dag_id == "comet_discovery")


def test_every_task_of_maintenance_sends_its_failure(dag_bag: DagBag) -> None:
    tasks = dag_bag.dags["comet_maintenance"].tasks
    assert {task.task_id for task in tasks} == {"trim_landing", "delete_task_logs"}
    for task in tasks:
        callbacks: Any = task.on_failure_callback
        assert [type(callback) for callback in callbacks] == [FailureNotifier], task.task_id


def test_task_logs_of_every_dag_are_deleted(dag_bag: DagBag) -> None:
    assert set(DAG_IDS) == set(dag_bag.dags)


def test_every_task_has_owner_retries_retry_policy_and_timeout(any_dag: DAG) -> None:
    for task in any_dag.tasks:
        assert task.owner not in {"", "airflow"}, task.task_id
        assert task.retries, task.task_id
        assert task.retry_policy is not None, task.task_id
        assert task.execution_timeout is not None, task.task_id


def test_only_tasks_that_call_tikhub_use_the_pool(dag: DAG) -> None:
    assert {task.task_id for task in dag.tasks if task.pool == "tikhub"} == {"extract_videos", "roll_call"}


def test_tasks_run_in_the_documented_order(dag: DAG) -> None:
    order = """
        accept_run extract_videos check_search filter_comets upsert_creators plan_roll_call roll_call check_roll_call
        update_creators record_growth score_creators report
    """
    for before, after in pairwise(order.split()):
        assert after in dag.get_task(before).downstream_task_ids
    # A second upstream success would let them run after a failed check or without any search.
    for task in ("check_search", "filter_comets", "update_creators", "record_growth", "score_creators"):
        assert len(dag.get_task(task).upstream_task_ids) == 1, task


def test_only_accept_run_and_report_send_notifications(dag: DAG) -> None:
    kinds = ("on_success", "on_failure", "on_retry", "on_skipped", "on_execute")
    callbacks = {
        task.task_id: {kind for kind in kinds if getattr(task, f"{kind}_callback")}
        for task in dag.tasks
        if any(getattr(task, f"{kind}_callback") for kind in kinds)
    }
    assert callbacks == {"accept_run": {"on_failure"}, "report": {"on_success", "on_failure"}}
    # Dag callbacks run in the Dag processor, outside task logs.
    assert dag.has_on_success_callback is dag.has_on_failure_callback is False


def test_only_tasks_after_the_last_check_emit_assets(dag: DAG) -> None:
    emitting = {task.task_id: {asset.name for asset in task.outlets} for task in dag.tasks if task.outlets}
    assert emitting == {
        "update_creators": {"creators", "comet_discoveries"},
        "record_growth": {"creator_stats"},
        "score_creators": {"comet_scores"},
    }


def test_dag_files_parse_without_environment_or_connection() -> None:
    """Parse them in a process with only AIRFLOW_HOME and the plugins folder."""
    command = "import runpy, sys; sys.path.insert(0, 'plugins'); [runpy.run_path(path) for path in sys.argv[1:]]"
    environment = {"AIRFLOW_HOME": os.environ["AIRFLOW_HOME"], "PATH": os.environ["PATH"]}
    result = subprocess.run(
        [sys.executable, "-c", command, *map(str, DAG_FILES)],
        cwd=PROJECT_FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
