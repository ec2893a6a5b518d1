"""What a running stack listens on, and the logs of its running tasks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from airflow_client.client import TriggerDAGRunPostBody

from comets.settings import DAG_ID
from include.sandbox.client import SandboxClient
from include.stack.airflow_api import FINAL_STATES, state_of
from include.stack.demo import DAG_SECONDS
from include.stack.environment import resolve
from include.stack.sandbox import sandbox_url
from tests.dags.worlds import SEARCH
from tests.stack.running_stack import DagApi
from tests.stack.test_demo import NOTHING_CONFIGURED, is_below

HOLD_SECONDS = 60
STAGE_SECONDS = 300
CONF: dict[str, Any] = {"hashtags": ["gymtok"], "pages_per_hashtag": 1}


def listening_addresses(state: Path) -> dict[str, set[str]]:
    """Return the TCP addresses on which the processes of a stack listen, by program."""
    found: dict[str, set[str]] = {}
    for process in family(state):
        try:
            name = process.name()
            ips = {entry.laddr.ip for entry in process.net_connections("tcp") if entry.status == psutil.CONN_LISTEN}
        except psutil.NoSuchProcess:
            continue
        if ips:
            found.setdefault(name, set()).update(ips)
    return found


def family(state: Path) -> set[psutil.Process]:
    """Return the processes of a stack and all their descendants; tasks' processes come and go meanwhile."""
    found: set[psutil.Process] = set()
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess):
            if is_below(process, state):
                found |= {process, *process.children(recursive=True)}
    return found


def logs_of_a_search(variables: Mapping[str, str]) -> tuple[str, str]:
    """Trigger a run; return the log of its search, read while the search waits for TikHub, and after the run."""
    environment = resolve({**NOTHING_CONFIGURED, **variables})
    api = DagApi(environment.ui_url)
    api.log_in(environment.variables)
    api.wait_for_dag(DAG_ID, DAG_SECONDS)
    api.set_paused(DAG_ID, False)
    sandbox = SandboxClient(sandbox_url(environment.sandbox_port))
    sandbox.set_faults({"route": SEARCH, "fault": "timeout", "delay": HOLD_SECONDS})
    try:
        run_id = api.dag_runs.trigger_dag_run(DAG_ID, TriggerDAGRunPostBody(logical_date=None, conf=CONF)).dag_run_id
        api.wait_for(lambda: bool(sandbox.calls(SEARCH)), STAGE_SECONDS, "There was no search")
        running = log_of(api, run_id, "running")
    finally:
        sandbox.set_faults()
    api.wait_for(lambda: api.run_state(DAG_ID, run_id) in FINAL_STATES, STAGE_SECONDS, "The run did not end")
    return running, log_of(api, run_id, "success")


def log_of(api: DagApi, run_id: str, state: str) -> str:
    """Return the log of the search of a run, which must be in a state."""
    (task,) = [task for task in api.tasks(DAG_ID, run_id) if task.task_id == "extract_videos"]
    assert state_of(task) == state
    log = api.task_instances.get_log(
        DAG_ID, run_id, task.task_id, task.try_number, map_index=task.map_index, accept="application/json"
    )
    return "\n".join(str(getattr(entry, "event", entry)) for entry in log.content.actual_instance or [])
