"""Figures and texts as people read them. Unknown is a dash."""

from __future__ import annotations

from collections.abc import Callable

from comets.reporting.tables import BASIS_LABELS

UNKNOWN = "–"
# Between emoji and between letters of Persian and Indic scripts these belong to the text.
_JOINERS = "\u200c\u200d"


def whole(value: float | None) -> str:
    """A count: 45,230."""
    return UNKNOWN if value is None else _minus(f"{value:,.0f}")


def signed(value: float | None) -> str:
    """A gain or loss: +1,250."""
    return UNKNOWN if value is None else _minus(f"{value:+,.0f}")


def rate(value: float | None, places: int = 1) -> str:
    """A fraction of 1 as a percentage: 0.034 is 3.4%."""
    return UNKNOWN if value is None else _minus(f"{value * 100:,.{places}f}%")


def signed_rate(value: float | None, places: int = 2) -> str:
    """A fraction of 1 that is a gain or loss: 0.0123 is +1.23%."""
    return UNKNOWN if value is None else _minus(f"{value * 100:+,.{places}f}%")


def signed_percent(value: float | None) -> str:
    """A figure that is in percent already: 1.5 is +1.50%."""
    return UNKNOWN if value is None else _minus(f"{value:+,.2f}%")


def times(value: float | None) -> str:
    """A ratio: 3.4×."""
    return UNKNOWN if value is None else _minus(f"{value:,.1f}×")


def decimal(value: float | None, places: int = 1) -> str:
    """A plain figure: 71.3."""
    return UNKNOWN if value is None else _minus(f"{value:,.{places}f}")


def usd(value: float | None) -> str:
    """An amount of US dollars: $0.0150, with as many places as calls of a tenth of a cent need."""
    return UNKNOWN if value is None else f"${value:,.4f}"


def sample(count: int, unit: str) -> str:
    """How much a figure rests on: 12 videos, 1 day.

    :param unit: the plural
    """
    return f"{whole(count)} {unit.removesuffix('s') if count == 1 else unit}"


def moment(value: str | None) -> str:
    """An instant of the database to the minute, with its offset: 2026-03-01 02:00 UTC."""
    if value is None:
        return UNKNOWN
    return f"{value[:10]} {value[11:16]} {'UTC' if value.endswith('+00:00') else value[-6:]}"


def visible(value: str | None) -> str:
    """Somebody's text on one line: what cannot be seen, and could turn the line around, becomes U+FFFD."""
    if value is None:
        return ""
    return "".join(
        character if character.isprintable() or character in _JOINERS else "\ufffd"
        for character in " ".join(value.split())
    )


def _minus(text: str) -> str:
    return text.replace("-", "−")


FILTERS: dict[str, Callable[..., str]] = {
    "whole": whole,
    "signed": signed,
    "rate": rate,
    "signed_rate": signed_rate,
    "signed_percent": signed_percent,
    "times": times,
    "decimal": decimal,
    "usd": usd,
    "sample": sample,
    "moment": moment,
    "visible": visible,
    "basis_label": BASIS_LABELS.__getitem__,
}
