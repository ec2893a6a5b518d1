"""The roll call: the creators whose profile a run fetches, in batches."""

from __future__ import annotations

from datetime import date

from comets.database.client import Database
from comets.profiles.accounts import Account
from comets.settings import MAX_MAPPED_TASKS


def refresh_run_mode(database: Database, run_id: str, today: date) -> None:
    """Store whether the run is live (today, fetches from TikHub) or a replay (a past date, reuses landed data).

    A live run that is cleared on a later day becomes a replay, so every task that fetches starts with this.
    """
    database.execute("runs/refresh_run_mode", run_id=run_id, today=today)


def plan_roll_call(database: Database, run_id: str, batch_size: int) -> dict[int, int]:
    """Store the Comets of the run's date and all tracked creators in batches.

    :param batch_size: creators per batch; raised when there are too many batches for Airflow
    :return: number of creators still to fetch by batch number, without finished batches
    """
    with database.transaction():
        database.execute("privacy/lock_landing_shared")
        database.execute("profiles/plan_roll_call", run_id=run_id, batch_size=batch_size, max_batches=MAX_MAPPED_TASKS)
        rows = database.fetch_all("profiles/open_batches", run_id=run_id)
    return {row["batch_number"]: row["member_count"] for row in rows}


def roll_call_members(database: Database, run_id: str, batch_number: int) -> list[Account]:
    """Return the creators of a batch that are still to fetch."""
    rows = database.fetch_all("profiles/roll_call_members", run_id=run_id, batch_number=batch_number)
    return [Account(**row) for row in rows]


def unknown_authors(database: Database, run_id: str, hashtag: str) -> list[Account]:
    """Return the authors of qualifying videos of a hashtag that lack a follower count and are still to fetch."""
    return [Account(**row) for row in database.fetch_all("profiles/unknown_authors", run_id=run_id, hashtag=hashtag)]
