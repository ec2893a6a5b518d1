"""Follows a Dag run and tells a person how it goes, one line per finished task."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from include.stack.airflow_api import FINAL_STATES, POLL_SECONDS, AirflowApi, TaskState
from include.stack.output import say

DONE_STATES = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
QUIET_SECONDS = 15.0


@dataclass
class Progress:
    """What has been told already about one run."""

    told: set[str] = field(default_factory=set)
    last_word: float = field(default_factory=time.monotonic)

    def tell(self, tasks: Sequence[TaskState]) -> None:
        """Tell about tasks that have finished since, and now and then about those that run."""
        groups = group_by_task(tasks)
        for task_id, instances in groups.items():
            if task_id not in self.told and all(task.state in DONE_STATES for task in instances):
                self.told.add(task_id)
                self._say(f"  {task_id:<16} {summary(instances)}")
        if time.monotonic() - self.last_word > QUIET_SECONDS:
            open_tasks = [task_id for task_id in groups if task_id not in self.told]
            waiting = [f"{task_id} {summary(groups[task_id])}" for task_id in open_tasks]
            self._say(f"  ... {'; '.join(waiting[:1]) or 'waiting for the scheduler'}")

    def _say(self, text: str) -> None:
        self.last_word = time.monotonic()
        say(text)


def follow_run(api: AirflowApi, dag_id: str, run_id: str, check: Callable[[], None]) -> tuple[str, list[TaskState]]:
    """Wait for the end of a run while telling its progress; return its state and that of its tasks."""
    progress = Progress()
    while True:
        check()
        state = api.run_state(dag_id, run_id)
        tasks = api.task_states(dag_id, run_id)
        progress.tell(tasks)
        if state in FINAL_STATES:
            return state, tasks
        time.sleep(POLL_SECONDS)


def group_by_task(tasks: Sequence[TaskState]) -> dict[str, list[TaskState]]:
    """Gather the instances of each task, in the order of the tasks."""
    groups: dict[str, list[TaskState]] = {}
    for task in tasks:
        groups.setdefault(task.task_id, []).append(task)
    return groups


def summary(instances: Sequence[TaskState]) -> str:
    """Say how the instances of one task stand: `success`, or `2 success, 1 failed` where it is mapped."""
    states = [task.state or "waiting" for task in instances]
    if len(states) == 1:
        return states[0]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
