"""Landing of profiles: every answer is stored with the date of its run."""

from __future__ import annotations

from datetime import datetime

from comets.calls.ledger import Answer, Ledger
from comets.database.client import Database
from comets.privacy.erased import erased_ids
from comets.privacy.erasure import erase_linked_ids
from comets.tikhub.models import Profile


def land_profile(database: Database, ledger: Ledger, run_id: str, asked_id: str, answer: Answer[Profile]) -> bool:
    """Store a profile with the run's date and close its call, in one transaction.

    :param asked_id: the account's id as known so far; the profile's own id may replace it
    :return: False when the creator is erased, so nothing is stored
    """
    profile = answer.value
    identities = frozenset(filter(None, (asked_id, profile.user_id, profile.sec_uid)))
    with database.transaction():
        erased = erased_ids(database, identities)
        ledger.close(answer)
        if not erased:
            database.execute("profiles/land_profile", run_id=run_id, asked_id=asked_id, **profile.model_dump())
    if erased:
        erase_linked_ids(database, identities - erased, run_id)
    return not erased


def land_failed_profile(database: Database, run_id: str, asked_id: str, outcome: str, observed_at: datetime) -> None:
    """Store that an account could not be fetched, once per run; nothing if it is erased.

    :param outcome: "no_account", "refused" or "failed"
    :param observed_at: its day counts towards marking the creator `missing`
    """
    with database.transaction():
        if erased_ids(database, [asked_id]):
            return
        database.execute(
            "profiles/land_failed_profile", run_id=run_id, asked_id=asked_id, outcome=outcome, observed_at=observed_at
        )
