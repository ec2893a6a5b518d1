"""What a run will ask TikHub for, and what that costs, before its first call."""

from __future__ import annotations

from typing import NamedTuple

from comets.database import Database
from comets.run import RunParams


class Forecast(NamedTuple):
    """Calls of a run at most, by kind, the price of one in USD, and the run's budget of calls.

    Profiles of authors that the searches find come on top, within the budget. What was asked for the same date before
    is not asked again, unless the run is to refresh it.
    """

    search_count: int
    profile_count: int
    price_usd: float
    max_api_calls: int

    def __str__(self) -> str:
        """One sentence without its full stop."""
        calls = min(self.search_count + self.profile_count, self.max_api_calls)
        return (
            f"{self.search_count:,} searches and {self.profile_count:,} profiles, about {calls * self.price_usd:.2f} "
            f"USD, never more than {self.max_api_calls * self.price_usd:.2f} USD"
        )


def forecast_run(database: Database, params: RunParams, price_usd: float) -> Forecast:
    """Count the pages that the params allow and the creators that the database tracks."""
    return Forecast(
        search_count=len(params.hashtags) * params.pages_per_hashtag,
        profile_count=database.fetch_one("landing/count_tracked")["creator_count"],
        price_usd=price_usd,
        max_api_calls=params.max_api_calls,
    )
