"""The outcome of each hashtag of a run, and the totals of its report, stored for the Comets page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comets.database.client import Database
from comets.profiles.roll_call import unknown_authors


@dataclass(frozen=True)
class HashtagTask:
    """The task instance that searches a hashtag: its state, and its number of hashtags."""

    state: str | None
    hashtag_count: int


def set_outcomes(
    hashtags: Sequence[dict[str, Any]],
    tasks: Mapping[str, HashtagTask],
    is_extracted: Callable[[str], bool],
) -> list[dict[str, Any]]:
    """Add each hashtag's outcome to its row, and return the failed rows.

    When a task of several hashtags fails, those that it had finished do not count as failed.

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
    """Return whether a hashtag is complete, so that a retry of its task would make no call for it."""
    search = database.fetch_one("reporting/is_searched", run_id=run_id, hashtag=hashtag)
    return bool(search["is_searched"]) and not unknown_authors(database, run_id, hashtag)


Row = Mapping[str, Any]

_HASHTAG_FIELDS = frozenset(
    {
        "hashtag",
        "video_count",
        "tagged_count",
        "new_comet_count",
        "new_tagged_comet_count",
        "call_count",
        "billed_count",
    }
)


@dataclass(frozen=True)
class RunTotals:
    """The rows that the totals of a run are computed from.

    :param comets: rows of reporting/comets.sql
    :param hashtags: rows of reporting/hashtags.sql
    :param calls: the row of reporting/calls.sql
    :param stop_reasons: why the run stopped, a sentence each
    """

    run_id: str
    comets: Sequence[Row]
    hashtags: Sequence[Row]
    calls: Row
    stop_reasons: Sequence[str]


def store_totals(database: Database, totals: RunTotals) -> None:
    """Store the totals of a run, replacing those of an earlier report of the same run.

    The Comets of a run are not the sum over its hashtags: several hashtags can find the same creator.
    """
    sums = {
        name: sum(row[name] for row in totals.hashtags) for name in ("received_count", "landed_count", "rejected_count")
    }
    report = {
        **sums,
        "comet_count": len(totals.comets),
        "new_comet_count": sum(comet["is_new"] for comet in totals.comets),
        "call_count": totals.calls["call_count"],
        "billed_count": totals.calls["billed_count"],
        "stop_reasons": list(totals.stop_reasons),
        "hashtags": [{name: row[name] for name in row if name in _HASHTAG_FIELDS} for row in totals.hashtags],
    }
    database.execute("reporting/store_report", run_id=totals.run_id, report=json.dumps(report))
