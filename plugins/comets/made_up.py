"""Made-up creators of the sandbox and real ones never share a database."""

from __future__ import annotations

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from comets.database import Database
from comets.settings import DATABASE_CONN_ID, TIKHUB_CONN_ID

SANDBOX_KEY = "sandbox-key-without-any-value"
"""The API key by which the local stack and the containers ask the sandbox."""


class MixedDataError(ValueError):
    """A run would mix made-up creators with real ones; the text says which are there and the way out."""


def require_own_kind(database: Database) -> bool:
    """Check that a run's creators are of the kind that the database holds; return whether they are made up.

    :raises MixedDataError: they are of the other kind.
    """
    is_made_up = asks_sandbox()
    if database.fetch_one("landing/is_mixed", is_made_up=is_made_up)["is_mixed"]:
        there, asked = ("real creators", "the sandbox") if is_made_up else ("made-up creators", "the real TikHub")
        raise MixedDataError(
            f"The run is refused, no call was made: the database of the connection `{DATABASE_CONN_ID}` holds {there}, "
            f"and the connection `{TIKHUB_CONN_ID}` leads to {asked}. Give each of them a database of its own, then "
            "clear this task."
        )
    return is_made_up


def asks_sandbox() -> bool:
    """Tell whether the connection to TikHub leads to the sandbox."""
    try:
        return BaseHook.get_connection(TIKHUB_CONN_ID).password == SANDBOX_KEY
    except AirflowNotFoundException:
        return False
