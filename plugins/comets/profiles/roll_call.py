"""The roll call: whose profile a run asks for, and in which batches."""

from __future__ import annotations

from datetime import date

from comets.database.client import Database
from comets.profiles.accounts import Account
from comets.settings import MAX_MAPPED_TASKS


def refresh_run_mode(database: Database, run_id: str, today: date) -> None:
    """Note whether the run is one of today, which asks TikHub, or of a past date, which re-uses what was landed.

    A run that is cleared on a later day changes from one to the other, so every task that asks begins with this.
    """
    database.execute("runs/refresh_run_mode", run_id=run_id, today=today)


def plan_roll_call(database: Database, run_id: str, batch_size: int) -> dict[int, int]:
    """Put the Comets of the run's date and every tracked creator into batches of a table.

    :param batch_size: creators per batch; more where there would be too many batches for Airflow

    :return: how many creators have still to be asked for, by batch number; batches without any are left out
    """
    with database.transaction():
        database.execute("privacy/lock_landing_shared")
        database.execute("profiles/plan_roll_call", run_id=run_id, batch_size=batch_size, max_batches=MAX_MAPPED_TASKS)
        rows = database.fetch_all("profiles/open_batches", run_id=run_id)
    return {row["batch_number"]: row["member_count"] for row in rows}


def roll_call_members(database: Database, run_id: str, batch_number: int) -> list[Account]:
    """The creators of a batch who are not answered yet."""
    rows = database.fetch_all("profiles/roll_call_members", run_id=run_id, batch_number=batch_number)
    return [Account(**row) for row in rows]


def unknown_authors(database: Database, run_id: str, hashtag: str) -> list[Account]:
    """Authors of qualifying videos whose follower count the search of a hashtag left unknown, not answered yet."""
    return [Account(**row) for row in database.fetch_all("profiles/unknown_authors", run_id=run_id, hashtag=hashtag)]
