"""What became of each hashtag of a run, and the totals of its report, stored for the Comets page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comets.database.client import Database
from comets.profiles.roll_call import unknown_authors


@dataclass(frozen=True)
class TaskOfHashtag:
    """The task instance that has searched a hashtag: its state, and how many hashtags it had."""

    state: str | None
    hashtag_count: int


def set_outcomes(
    hashtags: Sequence[dict[str, Any]],
    tasks: Mapping[str, TaskOfHashtag],
    is_extracted: Callable[[str], bool],
) -> list[dict[str, Any]]:
    """Add each hashtag's outcome to its row; return the failed ones.

    A failed task of several hashtags has mostly finished some of them, which have not failed.

    :param hashtags: rows of reporting/hashtags.sql
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
    search = database.fetch_one("reporting/is_searched", run_id=run_id, hashtag=hashtag)
    return bool(search["is_searched"]) and not unknown_authors(database, run_id, hashtag)


Row = Mapping[str, Any]

_OF_A_HASHTAG = frozenset(
    {
        "hashtag",
        "received_count",
        "landed_count",
        "rejected_count",
        "video_count",
        "tagged_count",
        "comet_count",
        "new_comet_count",
        "new_tagged_comet_count",
        "call_count",
        "billed_count",
    }
)


@dataclass(frozen=True)
class RunTotals:
    """The figures of one run.

    :param comets: rows of reporting/comets.sql
    :param hashtags: rows of reporting/hashtags.sql
    :param calls: the row of reporting/calls.sql
    :param stop_reasons: sentences that say what has stopped the run
    """

    run_id: str
    comets: Sequence[Row]
    hashtags: Sequence[Row]
    calls: Row
    stop_reasons: Sequence[str]


def store_totals(database: Database, figures: RunTotals) -> None:
    """Store the figures in the place of what an earlier report of the same run has stored.

    A creator can be found by several hashtags, so the run's Comets are not the sum of those of its hashtags.
    """
    sums = {
        name: sum(row[name] for row in figures.hashtags)
        for name in ("received_count", "landed_count", "rejected_count")
    }
    report = {
        **sums,
        "comet_count": len(figures.comets),
        "new_comet_count": sum(comet["is_new"] for comet in figures.comets),
        "call_count": figures.calls["call_count"],
        "billed_count": figures.calls["billed_count"],
        "stop_reasons": list(figures.stop_reasons),
        "hashtags": [{name: row[name] for name in row if name in _OF_A_HASHTAG} for row in figures.hashtags],
    }
    database.execute("reporting/store_report", run_id=figures.run_id, report=json.dumps(report))
