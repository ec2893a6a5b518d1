"""What every Dag of this package has to have."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError

PROJECT_FOLDER = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((PROJECT_FOLDER / "dags").glob("*.py"))


@pytest.fixture(scope="module")
def dag_bag() -> DagBag:
    return DagBag(str(PROJECT_FOLDER / "dags"))


@pytest.fixture(scope="module")
def dag(dag_bag: DagBag) -> DAG:
    """The Dag that discovers."""
    found: DAG = dag_bag.dags["comet_discovery"]
    return found


@pytest.fixture(params=[path.stem for path in DAG_FILES])
def any_dag(dag_bag: DagBag, request: pytest.FixtureRequest) -> DAG:
    """Each Dag in turn; it is called like its file."""
    found: DAG = dag_bag.dags[request.param]
    return found


def test_dags_import_cleanly_with_no_connection_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
        monkeypatch.delenv(name)
    found = DagBag(str(PROJECT_FOLDER / "dags"))
    assert found.import_errors == {}
    assert set(found.dags) == {"comet_discovery", "comet_maintenance", "forget_creator"}


def test_discovery_and_maintenance_are_daily_and_catch_nothing_up(dag_bag: DagBag) -> None:
    schedules = {"comet_discovery": "0 2 * * *", "comet_maintenance": "0 4 * * *"}
    assert {name: str(dag_bag.dags[name].schedule) for name in schedules} == schedules
    assert not any(dag_bag.dags[name].catchup for name in schedules)


def test_a_creator_is_erased_only_when_somebody_asks_and_says_whom(dag_bag: DagBag) -> None:
    erasure: DAG = dag_bag.dags["forget_creator"]
    assert erasure.schedule is None
    assert list(erasure.params) == ["creator"]
    with pytest.raises(ParamValidationError):
        erasure.params.validate()


def test_no_dag_starts_by_itself_when_it_is_new(any_dag: DAG) -> None:
    assert any_dag.schedule is None or any_dag.is_paused_upon_creation is not False


def test_every_task_has_an_owner_retries_a_retry_policy_and_a_timeout(any_dag: DAG) -> None:
    for task in any_dag.tasks:
        assert task.owner not in {"", "airflow"}, task.task_id
        assert task.retries, task.task_id
        assert task.retry_policy is not None, task.task_id
        assert task.execution_timeout is not None, task.task_id


def test_only_the_tasks_that_call_tikhub_take_slots_of_its_pool(dag: DAG) -> None:
    assert {task.task_id for task in dag.tasks if task.pool == "tikhub"} == {"extract_videos", "roll_call"}


def test_the_steps_stand_in_the_order_of_the_sentence(dag: DAG) -> None:
    order = """
        accept_run extract_videos check_search filter_comets upsert_creators plan_roll_call roll_call check_roll_call
        update_creators record_growth score_creators report
    """
    for before, after in pairwise(order.split()):
        assert after in dag.get_task(before).downstream_task_ids
    # Else one more success would let them run when every hashtag has failed, or past a gate.
    for task in ("check_search", "filter_comets", "update_creators", "record_growth", "score_creators"):
        assert len(dag.get_task(task).upstream_task_ids) == 1, task


def test_only_the_tasks_that_a_run_ends_with_send_notices(dag: DAG) -> None:
    kinds = ("on_success", "on_failure", "on_retry", "on_skipped", "on_execute")
    told = {
        task.task_id: {kind for kind in kinds if getattr(task, f"{kind}_callback")}
        for task in dag.tasks
        if any(getattr(task, f"{kind}_callback") for kind in kinds)
    }
    assert told == {"accept_run": {"on_failure"}, "report": {"on_success", "on_failure"}}
    # Those of the Dag itself would run in the Dag processor, whose log nobody reads.
    assert dag.has_on_success_callback is dag.has_on_failure_callback is False


def test_only_tasks_after_the_last_gate_emit_assets(dag: DAG) -> None:
    emitting = {task.task_id: {asset.name for asset in task.outlets} for task in dag.tasks if task.outlets}
    assert emitting == {
        "update_creators": {"creators", "comet_discoveries"},
        "record_growth": {"creator_stats"},
        "score_creators": {"comet_scores"},
    }


def test_dag_files_read_no_environment_and_open_no_connection() -> None:
    """They parse in a process that has nothing but Airflow's home and the plugins folder."""
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
