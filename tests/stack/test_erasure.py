"""Erasure on a running stack: from the handle of a request to the proof that nothing is left."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow_client.client import EventLogApi, TriggerDAGRunPostBody

from comets.settings import DAG_ID
from include.stack.airflow_api import FINAL_STATES
from include.stack.project import PROJECT
from tests.stack.running_stack import RUN_SECONDS, RunningStack

ERASURE = "forget_creator"
DAY = datetime(2026, 3, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Story:
    """A creator is erased by its handle: first unconfirmed, then confirmed; then its traces are looked for."""

    states: list[str]
    logs: list[str]
    audit_log: str
    uid: str
    handle: str
    before: subprocess.CompletedProcess[str]
    """`make traces` with all runs still there."""
    after: subprocess.CompletedProcess[str]
    """`make traces` after what it advised."""


@pytest.fixture(scope="module")
def story(stack: RunningStack) -> Story:
    stack.reset()
    stack.run(DAY, {"pages_per_hashtag": 2}, "searching")
    [creator] = stack.rows("select user_id, handle from creators order by user_id limit 1")
    uid, handle = creator["user_id"], creator["handle"]
    runs = [erase(stack, creator=f"@{handle}"), erase(stack, creator=f"@{handle}", confirm_uid=uid)]
    states = [stack.api.run_state(ERASURE, run_id) for run_id in runs]
    logs = [log_of(stack, run_id) for run_id in runs]
    events = EventLogApi(stack.api.client).get_event_logs(dag_id=ERASURE).event_logs
    audit_log = "\n".join(str(event.extra) for event in events)
    before = traces(stack, uid, handle)
    for run_id in runs:
        stack.api.dag_runs.delete_dag_run(ERASURE, run_id)
    stack.api.delete_run("searching")
    for line in before.stdout.splitlines():
        if line.startswith("Left in file "):
            path = line.removeprefix("Left in file ").removesuffix(": delete it")
            subprocess.run(["rm", path], check=True)
    return Story(states, logs, audit_log, uid, handle, before, traces(stack, uid, handle))


def erase(stack: RunningStack, **conf: Any) -> str:
    """Run the Dag; return the id of the run."""
    body = TriggerDAGRunPostBody(logical_date=None, conf=conf)
    run_id = stack.api.dag_runs.trigger_dag_run(ERASURE, body).dag_run_id
    stack.api.wait_for(
        lambda: stack.api.run_state(ERASURE, run_id) in FINAL_STATES, RUN_SECONDS, f"The run {run_id} did not end"
    )
    return run_id


def log_of(stack: RunningStack, run_id: str) -> str:
    """Return the task logs of a run."""
    folder = stack.environment.task_logs / f"dag_id={ERASURE}" / f"run_id={run_id}"
    return "".join(path.read_text() for path in folder.rglob("*.log"))


def traces(stack: RunningStack, *names: str) -> subprocess.CompletedProcess[str]:
    """Run `make traces`, and type in these names."""
    return subprocess.run(
        [sys.executable, "-m", "include.stack", "traces"],
        cwd=PROJECT,
        env=dict(stack.caller),
        input="\n".join([*names, "", ""]),
        capture_output=True,
        text=True,
        check=False,
    )


def test_handle_alone_fails_and_its_log_has_the_uid_to_confirm(story: Story) -> None:
    assert story.states == ["failed", "success"]
    assert f"leads to the uid {story.uid}" in story.logs[0]


def test_audit_log_and_logs_of_the_erasure_hold_no_handle(story: Story) -> None:
    assert story.audit_log.count("***") >= 3
    assert story.handle not in story.audit_log
    assert story.uid not in story.audit_log
    assert story.handle not in "".join(story.logs)


def test_traces_name_each_place_and_what_clears_it(story: Story) -> None:
    assert story.before.returncode == 1, story.before.stderr
    assert "Left in Airflow's database, dag_run: 2 rows; delete the runs in the UI" in story.before.stdout
    assert f"{DAG_ID}/run_id=searching/task_id=report/" in story.before.stdout
    assert "creators' database" not in story.before.stdout
    assert story.handle not in story.before.stdout + story.before.stderr


def test_nothing_is_left_after_the_advice_was_followed(story: Story) -> None:
    assert story.after.returncode == 0, story.after.stdout
    assert "Neither database and no log file on this machine names the creator." in story.after.stdout
