"""A small picture of a figure per day, as one path of an SVG: attributes only, no styles.

One element per bar would be thousands on a page: writing them out takes longer than the query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

HEIGHT = 24
STEP = 4
GAP = 1


@dataclass(frozen=True)
class Bars:
    """The picture and its words.

    :param width: in the same units as the path
    :param path: a rectangle for each bar
    :param text: the figures for those who do not see it
    """

    width: int
    path: str
    text: str


def bars(days: Sequence[Mapping[str, Any]], first_date: date, day_count: int) -> Bars:
    """New Comets per day; a day without a run has no bar, one without a new Comet a flat one."""
    most = max((day["new_comet_count"] for day in days), default=0) or 1
    found = []
    for day in days:
        place = (date.fromisoformat(day["recorded_date"]) - first_date).days
        height = max(1.0, round(HEIGHT * day["new_comet_count"] / most, 1))
        found.append(f"M{place * STEP} {HEIGHT - height:g}h{STEP - GAP}V{HEIGHT}h-{STEP - GAP}z")
    text = f"New Comets per day, {most:,} at most on {len(days):,} of {day_count:,} days"
    return Bars(day_count * STEP - GAP, "".join(found), text)
