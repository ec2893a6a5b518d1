"""What a run of today will ask for and cost, before it is started."""

import os
import sys
from dataclasses import dataclass

import psycopg

from comets.settings import Settings
from include.stack.database import connect
from include.stack.environment import Environment
from include.stack.errors import StackError

COUNT_TRACKED = "select count(*) as creator_count from creators where status <> 'missing'"
YES_VARIABLE = "YES"


class DeclinedError(StackError):
    """The user does not want to pay for the run."""


@dataclass(frozen=True)
class Forecast:
    """Calls of a run and their price, in USD."""

    search_count: int
    profile_count: int
    price: float
    most_calls: int

    def __str__(self) -> str:
        """Say it in one sentence."""
        calls = min(self.search_count + self.profile_count, self.most_calls)
        return (
            f"{self.search_count:,} searches and {self.profile_count:,} profiles, about {calls * self.price:.2f} USD, "
            f"never more than {self.most_calls * self.price:.2f} USD"
        )


def forecast(environment: Environment, settings: Settings) -> Forecast:
    """Count what a run with the settings' defaults asks for: a call per page, and one per tracked creator.

    Profiles of creators that the run itself finds come on top; `max_api_calls` bounds the whole.
    """
    with connect(environment) as connection:
        try:
            row = connection.execute(COUNT_TRACKED).fetchone()
        except psycopg.errors.UndefinedTable:
            row = None
    return Forecast(
        search_count=len(settings.hashtags) * settings.search.pages_per_hashtag,
        profile_count=row["creator_count"] if row else 0,
        price=settings.budget.price_per_call_usd,
        most_calls=settings.budget.max_api_calls,
    )


def ask_consent(question: str) -> None:
    """Ask on a terminal whether to go on; YES=1 says so beforehand, and without a terminal there is no question.

    :raises DeclinedError: the answer is no.
    """
    if os.environ.get(YES_VARIABLE) or not sys.stdin.isatty():
        return
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise DeclinedError("Nothing was started and nothing was paid for.")
