"""What every Dag of this package has to have."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

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


def test_the_dag_is_daily_at_two_and_catches_nothing_up(dag: DAG) -> None:
    assert str(dag.schedule) == "0 2 * * *"
    assert dag.catchup is False
    assert str(dag.timezone) == "UTC"


def test_maintenance_is_daily_and_catches_nothing_up(dag_bag: DagBag) -> None:
    maintenance: DAG = dag_bag.dags["comet_maintenance"]
    assert str(maintenance.schedule) == "0 4 * * *"
    assert maintenance.catchup is False


def test_a_creator_is_erased_only_when_somebody_asks_and_says_whom(dag_bag: DagBag) -> None:
    erasure: DAG = dag_bag.dags["forget_creator"]
    assert erasure.schedule is None
    assert list(erasure.params) == ["creator"]
    with pytest.raises(ParamValidationError):
        erasure.params.validate()


def test_no_dag_starts_by_itself_when_it_is_new(any_dag: DAG) -> None:
    assert any_dag.schedule is None or any_dag.is_paused_upon_creation is not False


def test_a_dag_survives_serialization(any_dag: DAG) -> None:
    serialized = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(any_dag))
    assert set(serialized.task_dict) == set(any_dag.task_dict)


def test_every_task_has_an_owner_retries_a_retry_policy_and_a_timeout(any_dag: DAG) -> None:
    for task in any_dag.tasks:
        assert task.owner not in {"", "airflow"}, task.task_id
        assert task.retries, task.task_id
        assert task.retry_policy is not None, task.task_id
        assert task.execution_timeout is not None, task.task_id


def test_only_the_tasks_that_call_tikhub_take_slots_of_its_pool(dag: DAG) -> None:
    assert {task.task_id for task in dag.tasks if task.pool == "tikhub"} == {"extract_videos", "roll_call"}


def test_a_dag_says_what_it_does_and_what_to_do_when_it_is_red(any_dag: DAG) -> None:
    assert any_dag.tags
    assert any_dag.description
    assert any_dag.doc_md
    assert "setup_database.sql" in any_dag.doc_md
    assert "## When it is red" in any_dag.doc_md


def test_the_dag_says_what_each_failure_means(dag: DAG) -> None:
    assert dag.doc_md
    for word in (
        "TikHubAuthError",
        "TikHubBalanceError",
        "TikHubTransientError",
        "GateTrippedError",
        "setup_database.sql",
        "Downstream",
    ):
        assert word in dag.doc_md


def test_the_steps_stand_in_the_order_of_the_sentence(dag: DAG) -> None:
    order = """
        accept_run extract_videos check_search filter_comets upsert_creators plan_roll_call roll_call check_roll_call
        update_creators record_growth score_creators report
    """
    for before, after in pairwise(order.split()):
        assert after in dag.get_task(before).downstream_task_ids


def test_nothing_is_filtered_when_every_hashtag_has_failed(dag: DAG) -> None:
    assert dag.get_task("check_search").upstream_task_ids == {"extract_videos"}
    assert dag.get_task("filter_comets").upstream_task_ids == {"check_search"}


def test_nothing_is_recorded_but_through_the_gate_after_the_roll_call(dag: DAG) -> None:
    assert dag.get_task("check_roll_call").upstream_task_ids == {"accept_run", "roll_call"}
    assert dag.get_task("update_creators").upstream_task_ids == {"check_roll_call"}
    assert dag.get_task("record_growth").upstream_task_ids == {"update_creators"}
    assert dag.get_task("score_creators").upstream_task_ids == {"record_growth"}


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
    after_the_gate = dag.get_task("check_roll_call").get_flat_relative_ids(upstream=False)
    assert set(emitting) <= after_the_gate


def test_every_field_of_the_trigger_form_has_a_title_a_description_and_a_type(any_dag: DAG) -> None:
    params = any_dag.params
    assert isinstance(params, ParamsDict)
    for name in params:
        param = params.get_param(name)
        assert param.schema.get("title"), name
        assert param.schema.get("type"), name
        assert param.description, name


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.name)
def test_a_dag_file_fits_on_a_screen_and_only_wires(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert not re.search(r"^\s*(for|while)\b|open\(|Variable\.get|select |insert ", text, re.MULTILINE)


def test_no_template_needs_a_logical_date() -> None:
    wanted = re.compile(r"\{\{[^}]*\b(ds|ts|logical_date|data_interval_\w+|execution_date)\b")
    for folder in ("dags", "plugins", "include"):
        for path in [*(PROJECT_FOLDER / folder).rglob("*.py"), *(PROJECT_FOLDER / folder).rglob("*.sql")]:
            assert not wanted.search(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.name)
def test_a_dag_file_reads_no_environment_and_opens_no_connection(path: Path) -> None:
    """It parses in a process that has nothing but Airflow's home and the plugins folder."""
    command = f"import sys; sys.path.insert(0, 'plugins'); import runpy; runpy.run_path('dags/{path.name}')"
    environment = {"AIRFLOW_HOME": os.environ["AIRFLOW_HOME"], "PATH": os.environ["PATH"]}
    result = subprocess.run(
        [sys.executable, "-c", command],
        cwd=PROJECT_FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
