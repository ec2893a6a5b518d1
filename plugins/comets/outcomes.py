"""What became of each hashtag of a run, where a task can have several."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comets.database import Database
from comets.roll_call import unknown_authors


@dataclass(frozen=True)
class TaskOfHashtag:
    """The task instance that has searched a hashtag: its state, and how many hashtags it had."""

    state: str | None
    hashtag_count: int


def mark_outcomes(
    hashtags: Sequence[dict[str, Any]],
    tasks: Mapping[str, TaskOfHashtag],
    is_extracted: Callable[[str], bool],
) -> list[dict[str, Any]]:
    """Add each hashtag's outcome to its row; return the failed ones.

    A failed task of several hashtags has mostly finished some of them, which have not failed.

    :param hashtags: rows of report/hashtags.sql
    """
    failed = []
    for row in hashtags:
        task = tasks[row["hashtag"]]
        row["outcome"] = row["stop_reason"] or "unfinished"
        if task.state != "success" and not (task.hashtag_count > 1 and is_extracted(row["hashtag"])):
            row["outcome"] = (task.state or "not run").upper()
            failed.append(row)
    return failed


def is_extracted(database: Database, run_id: str, hashtag: str) -> bool:
    """Whether nothing is left to ask for a hashtag: a task that is tried again would make no call for it."""
    search = database.fetch_one("report/is_searched", run_id=run_id, hashtag=hashtag)
    return bool(search["is_searched"]) and not unknown_authors(database, run_id, hashtag)
