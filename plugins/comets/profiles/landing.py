"""Landing: what TikHub answered about a profile, stored with the run's date."""

from __future__ import annotations

from datetime import datetime

from comets.calls.ledger import Answer, Ledger
from comets.database.client import Database
from comets.privacy.erased import forgotten
from comets.privacy.erasure import erase_linked_ids
from comets.tikhub.models import Profile


def land_profile(database: Database, ledger: Ledger, run_id: str, asked_id: str, answer: Answer[Profile]) -> bool:
    """Store a profile with the run's date and close its call, in one transaction.

    :param asked_id: the account's id as it was known so far; the profile's own may replace it
    :return: False when the creator was erased, and so nothing is kept
    """
    profile = answer.value
    identities = frozenset(filter(None, (asked_id, profile.user_id, profile.sec_uid)))
    with database.transaction():
        refused = forgotten(database, identities)
        ledger.close(answer)
        if not refused:
            database.execute("profiles/land_profile", run_id=run_id, asked_id=asked_id, **profile.model_dump())
    if refused:
        erase_linked_ids(database, identities - refused, run_id)
    return not refused


def land_failed_profile(
    database: Database,
    run_id: str,
    asked_id: str,
    outcome: str,
    observed_at: datetime,
) -> None:
    """Store with the run's date that an account could not be read, once per run; nothing if it was erased meanwhile.

    :param outcome: "no_account", "refused" or "failed"
    :param observed_at: the day of it counts towards a creator's being missing
    """
    with database.transaction():
        if forgotten(database, [asked_id]):
            return
        database.execute(
            "profiles/land_failed_profile", run_id=run_id, asked_id=asked_id, outcome=outcome, observed_at=observed_at
        )
