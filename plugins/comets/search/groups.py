"""Which hashtags share a mapped task: each has one of its own until Airflow would have too many."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from comets.calls.rate_limit import calls_within
from comets.deadline import TASK_TIMEOUT
from comets.settings import MAX_MAPPED_TASKS, Settings


def group_hashtags(hashtags: Sequence[str], pages_per_hashtag: int, settings: Settings) -> list[list[str]]:
    """Divide the hashtags of a run, in their order, into the groups of its mapped tasks.

    A group has ``hashtags_per_task`` of them, but no more than a task can search in half of its time at the configured
    pace. Before both goes Airflow's limit: more hashtags per task where there would be more than MAX_MAPPED_TASKS; what
    such a task can't do in time it does at its next try.
    """
    in_time = max(1, calls_within(TASK_TIMEOUT / 2, settings) // pages_per_hashtag)
    size = max(min(settings.search.hashtags_per_task, in_time), ceil(len(hashtags) / MAX_MAPPED_TASKS))
    return [list(hashtags[place : place + size]) for place in range(0, len(hashtags), size)]


def group_title(hashtags: Sequence[str]) -> str:
    """A group as Airflow's UI names its task."""
    rest = f" and {len(hashtags) - 1} more" if len(hashtags) > 1 else ""
    return f"#{hashtags[0]}{rest}"
