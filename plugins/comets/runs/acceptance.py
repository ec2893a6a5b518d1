"""Before the first call of a run: keep made-up and real creators apart, and forecast the cost."""

from __future__ import annotations

from typing import NamedTuple

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from comets.database.client import Database
from comets.errors import MixedDataError
from comets.params import RunParams
from comets.settings import DATABASE_CONN_ID, TIKHUB_CONN_ID

SANDBOX_KEY = "sandbox-key-without-any-value"
"""The API key of the sandbox, set by the local stack and the containers."""


def ensure_same_kind(database: Database) -> bool:
    """Check that the run and the database both have made-up creators, or both real ones.

    :return: whether the creators are made up
    :raises MixedDataError: the run would mix them.
    """
    is_made_up = uses_sandbox()
    if database.fetch_one("runs/has_mixed_data", is_made_up=is_made_up)["is_mixed"]:
        stored, source = ("real creators", "the sandbox") if is_made_up else ("made-up creators", "the real TikHub")
        raise MixedDataError(
            f"The run is refused, no call was made: the database of the connection `{DATABASE_CONN_ID}` holds {stored} "
            f"and the connection `{TIKHUB_CONN_ID}` leads to {source}. Use a separate database for each, then clear "
            "this task."
        )
    return is_made_up


def uses_sandbox() -> bool:
    """Return whether the connection to TikHub leads to the sandbox."""
    try:
        return BaseHook.get_connection(TIKHUB_CONN_ID).password == SANDBOX_KEY
    except AirflowNotFoundException:
        return False


class Forecast(NamedTuple):
    """The expected calls of a run by kind, the price of a call in USD, and the run's budget of calls.

    Profiles of newly found authors come on top, within the budget. Data of the same date that can be reused makes no
    call.
    """

    search_count: int
    profile_count: int
    price_usd: float
    max_api_calls: int

    def __str__(self) -> str:
        """Return one sentence without its full stop."""
        calls = min(self.search_count + self.profile_count, self.max_api_calls)
        return (
            f"{self.search_count:,} searches and {self.profile_count:,} profiles, about {calls * self.price_usd:.2f} "
            f"USD, at most {self.max_api_calls * self.price_usd:.2f} USD"
        )


def forecast_run(database: Database, params: RunParams, price_usd: float) -> Forecast:
    """Return the calls for all pages that the params allow and for all tracked creators."""
    return Forecast(
        search_count=len(params.hashtags) * params.pages_per_hashtag,
        profile_count=database.fetch_one("runs/count_tracked_creators")["creator_count"],
        price_usd=price_usd,
        max_api_calls=params.max_api_calls,
    )
