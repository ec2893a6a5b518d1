"""Formats of numbers, texts and metrics on the page. An unknown value is a dash."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from comets.reporting.tables import BASIS_LABELS

UNKNOWN = "–"
# Zero-width joiners are part of the text in emoji and in Persian and Indic scripts.
_JOINERS = "\u200c\u200d"


def whole(value: float | None) -> str:
    """Format a count: 45,230."""
    return UNKNOWN if value is None else _minus(f"{value:,.0f}")


def signed(value: float | None) -> str:
    """Format a gain or loss: +1,250."""
    return UNKNOWN if value is None else _minus(f"{value:+,.0f}")


def short(value: int) -> str:
    """Format a count with k for round thousands: 10k."""
    return f"{value // 1000:,}k" if value and value % 1000 == 0 else f"{value:,}"


def rate(value: float | None, places: int = 1) -> str:
    """Format a fraction of 1 as a percentage: 0.034 is 3.4%."""
    return UNKNOWN if value is None else _minus(f"{value * 100:,.{places}f}%")


def signed_rate(value: float | None, places: int = 2) -> str:
    """Format a gain or loss as a fraction of 1: 0.0123 is +1.23%."""
    return UNKNOWN if value is None else _minus(f"{value * 100:+,.{places}f}%")


def signed_percent(value: float | None) -> str:
    """Format a gain or loss in percent: 1.5 is +1.50%."""
    return UNKNOWN if value is None else _minus(f"{value:+,.2f}%")


def ratio(value: float | None) -> str:
    """Format a ratio: 3.4×."""
    return UNKNOWN if value is None else _minus(f"{value:,.1f}×")


def decimal(value: float | None, places: int = 1) -> str:
    """Format a plain number: 71.3."""
    return UNKNOWN if value is None else _minus(f"{value:,.{places}f}")


def usd(value: float | None) -> str:
    """Format an amount in US dollars: $0.0150. Calls cost a tenth of a cent, hence four places."""
    return UNKNOWN if value is None else f"${value:,.4f}"


def sample(count: int, unit: str) -> str:
    """Format a sample size: 12 videos, 1 day.

    :param unit: the plural
    """
    return f"{whole(count)} {unit.removesuffix('s') if count == 1 else unit}"


def timestamp(value: str | None) -> str:
    """Format a timestamp of the database to the minute: 2026-03-01 02:00 UTC."""
    if value is None:
        return UNKNOWN
    return f"{value[:10]} {value[11:16]} {'UTC' if value.endswith('+00:00') else value[-6:]}"


def printable(value: str | None) -> str:
    """Return untrusted text on one line, with U+FFFD for characters that are invisible or change its direction."""
    if value is None:
        return ""
    return "".join(
        character if character.isprintable() or character in _JOINERS else "\ufffd"
        for character in " ".join(value.split())
    )


def metric_rows(metrics: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return name, label, formatted value and definition of each metric.

    :param metrics: ``name``, ``value`` and ``definition`` of each
    """
    return [
        {
            "name": metric["name"],
            "label": metric_label(metric["name"]),
            "value": metric_value(metric["name"], metric["value"]),
            "definition": metric["definition"] or "",
        }
        for metric in metrics
    ]


def metric_label(name: str) -> str:
    """Return the label of a metric's column: growth_7d_rate is "Growth rate, 7 days"."""
    parts = name.removeprefix("is_").split("_")
    words = " ".join(part for part in parts if part not in _WINDOWS)
    return ", ".join([words[:1].upper() + words[1:], *(_WINDOWS[part] for part in parts if part in _WINDOWS)])


def metric_value(name: str, value: Any) -> str:
    """Format the value of a metric by the ending of its name, so that a new metric needs no entry here."""
    if value is None:
        return UNKNOWN
    if name == "basis":
        return BASIS_LABELS[value]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return printable(str(value))
    for ending, format_value in _FORMATS_BY_ENDING:
        if name.endswith(ending):
            return format_value(value)
    return decimal(value, 3)


def _minus(text: str) -> str:
    return text.replace("-", "−")


_WINDOWS = {"1d": "1 day", "7d": "7 days", "30d": "30 days"}
_FORMATS_BY_ENDING: tuple[tuple[str, Callable[..., str]], ...] = (
    ("growth_followers", signed),
    ("acceleration", signed),
    ("_percent", signed_percent),
    ("engagement_rate", rate),
    ("_rate", signed_rate),
    ("_ratio", ratio),
    ("_count", whole),
    ("_days", whole),
)

FILTERS: dict[str, Callable[..., str]] = {
    "whole": whole,
    "signed": signed,
    "short": short,
    "rate": rate,
    "signed_rate": signed_rate,
    "signed_percent": signed_percent,
    "ratio": ratio,
    "decimal": decimal,
    "usd": usd,
    "sample": sample,
    "timestamp": timestamp,
    "printable": printable,
    "basis_label": BASIS_LABELS.__getitem__,
}
