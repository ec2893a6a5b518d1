"""How large the made-up world of the benchmarks is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

SIZE_VARIABLE = "COMETS_SIZE"
LAST_DATE = date(2026, 6, 30)


class SizeError(ValueError):
    """There is no such size."""


@dataclass(frozen=True)
class Size:
    """A history up to LAST_DATE; newcomers are creators beyond `creators` who are found on its dates.

    :param scored_dates: so many dates have scores, the last one among them
    :param profiles_each: so many profiles of each creator are kept of the year up to LAST_DATE, 365 at most
    """

    name: str
    creators: int
    dates: int
    hashtags: int
    newcomers: int
    profile_calls: int
    scored_dates: int
    profiles_each: int

    @property
    def days_with_scores(self) -> list[date]:
        """The dates whose scores are made up: those before the last one, and the one in the middle."""
        latest = [LAST_DATE - timedelta(days=back) for back in range(1, self.scored_dates)]
        return sorted({*latest, self.middle_date})

    @property
    def middle_date(self) -> date:
        """The date in the middle of the history."""
        return LAST_DATE - (LAST_DATE - self.first_date) / 2

    @property
    def first_date(self) -> date:
        """The first date that was run."""
        return LAST_DATE - timedelta(days=self.dates - 1)

    @property
    def left_out_day(self) -> int:
        """The number of the one date that was not run."""
        return self.dates // 3

    def parameters(self) -> dict[str, Any]:
        """The size as the files of `world/` read it."""
        return {
            "first_date": self.first_date,
            "last_date": LAST_DATE,
            "scored_dates": self.days_with_scores,
            "creator_count": self.creators,
            "date_count": self.dates,
            "left_out_day": self.left_out_day,
            "hashtag_count": self.hashtags,
            "newcomer_count": self.newcomers,
            "profile_call_count": self.profile_calls,
            "profiles_each": self.profiles_each,
            "new_run_id": None,
        }


SIZES = {
    size.name: size
    for size in (
        Size(
            "default",
            creators=10_000,
            dates=90,
            hashtags=20,
            newcomers=500,
            profile_calls=200_000,
            scored_dates=90,
            profiles_each=365,
        ),
        Size(
            "middle",
            creators=100_000,
            dates=60,
            hashtags=50,
            newcomers=5_000,
            profile_calls=500_000,
            scored_dates=10,
            profiles_each=52,
        ),
        # 45 GB. Scores of all dates would take 40 GB more, profiles of every day 110 GB more. No view reads more scores
        # than one date's, or one creator's.
        Size(
            "full",
            creators=1_000_000,
            dates=90,
            hashtags=100,
            newcomers=50_000,
            profile_calls=2_000_000,
            scored_dates=10,
            profiles_each=52,
        ),
    )
}


def chosen_size() -> Size:
    """The size that the environment asks for.

    :raises SizeError: there is none of this name.
    """
    name = os.environ.get(SIZE_VARIABLE) or "default"
    try:
        return SIZES[name]
    except KeyError:
        raise SizeError(f"SIZE={name} is unknown; choose one of: {', '.join(SIZES)}.") from None
