"""What is decided before the first call of a run: whose data it may mix with, and what it will cost."""

from __future__ import annotations

from typing import NamedTuple

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from comets.database.client import Database
from comets.errors import MixedDataError
from comets.params import RunParams
from comets.settings import DATABASE_CONN_ID, TIKHUB_CONN_ID

SANDBOX_KEY = "sandbox-key-without-any-value"
"""The API key by which the local stack and the containers ask the sandbox."""


def ensure_same_kind(database: Database) -> bool:
    """Check that a run's creators are of the kind that the database holds; return whether they are made up.

    :raises MixedDataError: they are of the other kind.
    """
    is_made_up = uses_sandbox()
    if database.fetch_one("runs/has_mixed_data", is_made_up=is_made_up)["is_mixed"]:
        there, asked = ("real creators", "the sandbox") if is_made_up else ("made-up creators", "the real TikHub")
        raise MixedDataError(
            f"The run is refused, no call was made: the database of the connection `{DATABASE_CONN_ID}` holds {there}, "
            f"and the connection `{TIKHUB_CONN_ID}` leads to {asked}. Give each of them a database of its own, then "
            "clear this task."
        )
    return is_made_up


def uses_sandbox() -> bool:
    """Tell whether the connection to TikHub leads to the sandbox."""
    try:
        return BaseHook.get_connection(TIKHUB_CONN_ID).password == SANDBOX_KEY
    except AirflowNotFoundException:
        return False


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
        profile_count=database.fetch_one("runs/count_tracked_creators")["creator_count"],
        price_usd=price_usd,
        max_api_calls=params.max_api_calls,
    )
