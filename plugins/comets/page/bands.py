"""Bands of followers that the leaderboard can be narrowed to."""

from __future__ import annotations

from dataclasses import dataclass

from comets.params import CriteriaParams

COMETS = "comets"


@dataclass(frozen=True)
class Band:
    """A band of followers, both ends included; None is no end.

    :param key: its name in addresses
    :param label: its name for people
    """

    key: str
    label: str
    min_followers: int | None = None
    max_followers: int | None = None


def bands(criteria: CriteriaParams) -> dict[str, Band]:
    """All bands by their keys; the first one holds the Comets."""
    low, high = criteria.min_followers, criteria.max_followers
    found = (
        Band(COMETS, f"Comets, {_short(low)} to {_short(high)}", low, high),
        Band("10k-25k", "10k to 25k", 10_000, 25_000),
        Band("25k-50k", "25k to 50k", 25_000, 50_000),
        Band("50k-100k", "50k to 100k", 50_000, 100_000),
        Band("below", f"Below {_short(low)}", None, low - 1),
        Band("above", f"Above {_short(high)}", high + 1, None),
        Band("all", "All tracked creators"),
    )
    return {band.key: band for band in found}


def _short(count: int) -> str:
    return f"{count // 1000:,}k" if count and count % 1000 == 0 else f"{count:,}"
