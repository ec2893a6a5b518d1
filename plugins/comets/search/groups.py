"""Grouping of hashtags into mapped tasks, within Airflow's limit."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from comets.calls.rate_limit import calls_within
from comets.deadline import TASK_TIMEOUT
from comets.settings import MAX_MAPPED_TASKS, Settings


def group_hashtags(hashtags: Sequence[str], pages_per_hashtag: int, settings: Settings) -> list[list[str]]:
    """Split the hashtags of a run, in their order, into one group per mapped task.

    A group has ``hashtags_per_task`` hashtags, but no more than a task can search in half of its time at the configured
    rate. Airflow's limit MAX_MAPPED_TASKS overrides both: a group that is too large for one try continues at the next.
    """
    searchable = max(1, calls_within(TASK_TIMEOUT / 2, settings) // pages_per_hashtag)
    size = max(min(settings.search.hashtags_per_task, searchable), ceil(len(hashtags) / MAX_MAPPED_TASKS))
    return [list(hashtags[start : start + size]) for start in range(0, len(hashtags), size)]


def group_title(hashtags: Sequence[str]) -> str:
    """Return the label of a group's task in Airflow's UI."""
    rest = f" and {len(hashtags) - 1} more" if len(hashtags) > 1 else ""
    return f"#{hashtags[0]}{rest}"
