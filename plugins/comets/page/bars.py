"""A small picture of a figure per day, as the rectangles of an SVG: attributes only, no styles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

HEIGHT = 24
STEP = 4
GAP = 1


@dataclass(frozen=True)
class Bar:
    """One day's rectangle."""

    x: int
    y: float
    height: float


@dataclass(frozen=True)
class Bars:
    """The picture and its words.

    :param width: in the same units as the rectangles
    :param text: the figures for those who do not see it
    """

    width: int
    bars: Sequence[Bar]
    text: str


def bars(days: Sequence[Mapping[str, Any]], first_date: date, day_count: int) -> Bars:
    """New Comets per day; a day without a run has no bar, one without a new Comet a flat one."""
    most = max((day["new_comet_count"] for day in days), default=0) or 1
    found = []
    for day in days:
        place = (date.fromisoformat(day["recorded_date"]) - first_date).days
        height = max(1.0, round(HEIGHT * day["new_comet_count"] / most, 1))
        found.append(Bar(place * STEP, HEIGHT - height, height))
    text = f"New Comets per day, {most:,} at most on {len(days):,} of {day_count:,} days"
    return Bars(day_count * STEP - GAP, found, text)
