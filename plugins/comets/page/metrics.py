"""The metrics of a creator as lines of a table, whatever metrics there are.

How a figure is written follows from its name: a rate is a fraction of 1, as everywhere in the package, a percent is in
percent already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from comets.page import figures
from comets.reporting.tables import BASIS_LABELS

_BY_ENDING: tuple[tuple[str, Callable[..., str]], ...] = (
    ("growth_followers", figures.signed),
    ("acceleration", figures.signed),
    ("_percent", figures.signed_percent),
    ("engagement_rate", figures.rate),
    ("_rate", figures.signed_rate),
    ("_ratio", figures.times),
    ("_count", figures.whole),
    ("_days", figures.whole),
)
_WINDOWS = {"1d": "1 day", "7d": "7 days", "30d": "30 days"}


def metric_rows(metrics: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Label, figure and definition of each metric.

    :param metrics: ``name``, ``value`` and ``definition`` of each
    """
    return [
        {
            "name": metric["name"],
            "label": label(metric["name"]),
            "figure": written(metric["name"], metric["value"]),
            "definition": metric["definition"] or "",
        }
        for metric in metrics
    ]


def label(name: str) -> str:
    """A column's name in words: growth_7d_rate is "Growth rate, 7 days"."""
    parts = name.removeprefix("is_").split("_")
    words = " ".join(part for part in parts if part not in _WINDOWS)
    return ", ".join([words[:1].upper() + words[1:], *(_WINDOWS[part] for part in parts if part in _WINDOWS)])


def written(name: str, value: Any) -> str:
    """A metric's value as people read it."""
    if value is None:
        return figures.UNKNOWN
    if name == "basis":
        return BASIS_LABELS[value]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return figures.visible(str(value))
    for ending, write in _BY_ENDING:
        if name.endswith(ending):
            return write(value)
    return figures.decimal(value, 3)
