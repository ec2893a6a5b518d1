"""What the report of a run has counted, kept for those who look at runs later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comets.database import Database

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
class RunFigures:
    """The figures of one run.

    :param comets: rows of report/comets.sql
    :param hashtags: rows of report/hashtags.sql
    :param calls: the row of report/calls.sql
    :param stop_reasons: sentences that say what has stopped the run
    """

    run_id: str
    comets: Sequence[Row]
    hashtags: Sequence[Row]
    calls: Row
    stop_reasons: Sequence[str]


def store_figures(database: Database, figures: RunFigures) -> None:
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
    database.execute("report/store_report", run_id=figures.run_id, report=json.dumps(report))
