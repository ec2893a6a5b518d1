"""Landing of profiles: every response is stored with the date of its run."""

from __future__ import annotations

from datetime import datetime

from comets.calls.ledger import CallResult, Ledger
from comets.database.client import Database
from comets.privacy.erasure import erase_linked_ids, erased_ids
from comets.tikhub.models import Profile


def land_profile(database: Database, ledger: Ledger, run_id: str, asked_id: str, result: CallResult[Profile]) -> bool:
    """Store a profile with the run's date and close its call, in one transaction.

    :param asked_id: the id by which the account is known; the profile may have another one
    :return: False if the creator is erased, so that nothing is stored
    """
    profile = result.value
    identities = frozenset(filter(None, (asked_id, profile.user_id, profile.sec_uid)))
    with database.transaction():
        erased = erased_ids(database, identities)
        ledger.close(result)
        if not erased:
            database.execute("profiles/land_profile", run_id=run_id, asked_id=asked_id, **profile.model_dump())
    if erased:
        erase_linked_ids(database, identities - erased, run_id)
    return not erased


def land_failed_profile(database: Database, run_id: str, asked_id: str, outcome: str, observed_at: datetime) -> None:
    """Store once per run that an account can't be fetched. Do nothing if the creator is erased.

    :param outcome: "no_account", "refused" or "failed"
    :param observed_at: failures on several days mark the creator as `missing`
    """
    with database.transaction():
        if erased_ids(database, [asked_id]):
            return
        database.execute(
            "profiles/land_failed_profile", run_id=run_id, asked_id=asked_id, outcome=outcome, observed_at=observed_at
        )
