"""Runs of the Dag as a person follows them: one line per run, and what goes on meanwhile where there is a terminal."""

import time
from collections.abc import Iterable, Sequence

from airflow_client.client import TaskInstanceResponse

from comets.settings import DAG_ID
from include.stack.airflow_api import FINAL_STATES, POLL_SECONDS, AirflowApi
from include.stack.output import say, terminal

DONE_STATES = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


def follow_run(api: AirflowApi, run_id: str, title: str) -> str:
    """Wait for the end of a run and say how it ended; return its state."""
    begun = time.monotonic()
    with terminal().status(title) as status:
        while True:
            api.check()
            state = api.run_state(DAG_ID, run_id)
            if state in FINAL_STATES:
                break
            status.update(f"{title}: {progress(api.tasks(DAG_ID, run_id))}")
            time.sleep(POLL_SECONDS)
    say(f"{title}: {state} after {time.monotonic() - begun:.0f} s")
    return state


def progress(tasks: Sequence[TaskInstanceResponse]) -> str:
    """Say which task is at work and how many are done: `roll_call, 7 of 12 tasks done`."""
    at_work = [task.task_id for task in tasks if state_of(task) not in DONE_STATES]
    return f"{at_work[0] if at_work else 'waiting'}, {len(tasks) - len(at_work)} of {len(tasks)} tasks done"


def state_of(task: TaskInstanceResponse) -> str:
    """Return a task instance's state; one that was not scheduled yet has none."""
    return task.state.value if task.state else ""


def failed_tasks(tasks: Iterable[TaskInstanceResponse]) -> list[TaskInstanceResponse]:
    """Return the task instances whose log says why a run has failed."""
    return [task for task in tasks if state_of(task) == "failed"]
