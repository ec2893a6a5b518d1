"""The accounts of a task, read one after the other; outages and accounts of other tasks are waited out."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable

from comets.errors import TikHubAmbiguousError, TikHubError, TikHubRequestError, TikHubTransientError
from comets.profiles.accounts import Account, ProfileOutcome
from comets.profiles.reader import ProfileReader
from comets.tikhub.hook import PROFILE_ROUTE

IN_FLIGHT_POLL_SECONDS = 0.5

MAX_CONSECUTIVE_FAILURES = 4
"""So many accounts in a row without an answer are an outage, in which every further one may take 90 s."""

# Loggers below `airflow.task` keep INFO records in `airflow dags test` too.
log = logging.getLogger(f"airflow.task.{__name__}")


def read_all(reader: ProfileReader, accounts: Iterable[Account]) -> Counter[ProfileOutcome]:
    """Read all accounts; those that another task is fetching are polled until it is done.

    :return: accounts by outcome
    :raises TikHubError: some accounts have to be retried; the others are landed.
    :raises CallSkippedError: the run may make no further call.
    """
    counts: Counter[ProfileOutcome] = Counter()
    waiting = list(accounts)
    while waiting:
        outcomes = _read_each(reader, waiting)
        counts.update(outcome for _, outcome in outcomes if outcome is not ProfileOutcome.IN_FLIGHT)
        waiting = [account for account, outcome in outcomes if outcome is ProfileOutcome.IN_FLIGHT]
        if waiting:
            time.sleep(IN_FLIGHT_POLL_SECONDS)
    return counts


class _OutageDetector:
    """Counts accounts in a row that TikHub could not answer for while it answered for no other account."""

    def __init__(self, reader: ProfileReader) -> None:
        self._reader = reader
        self._failure_count = 0

    @property
    def is_outage(self) -> bool:
        return self._failure_count == MAX_CONSECUTIVE_FAILURES

    def record(self, account: Account, outcome: ProfileOutcome) -> None:
        if outcome is not ProfileOutcome.FAILED:
            self._failure_count = 0
        elif not self._reader.has_later_answer(account):
            self._failure_count += 1


def _read_each(reader: ProfileReader, accounts: list[Account]) -> list[tuple[Account, ProfileOutcome]]:
    outcomes: list[tuple[Account, ProfileOutcome]] = []
    retryable: TikHubError | None = None
    detector = _OutageDetector(reader)
    for account in accounts:
        if detector.is_outage:
            outcomes.append((account, ProfileOutcome.NOT_ASKED))
            continue
        try:
            outcome = reader.read(account)
        except (TikHubAmbiguousError, TikHubTransientError) as error:
            retryable = error
            # The task fails with one error only; the log keeps the reasons of all.
            log.warning("%s Retried with the task.", error)
            outcome = ProfileOutcome.FAILED if isinstance(error, TikHubTransientError) else ProfileOutcome.REFUSED
        except TikHubRequestError:
            # Two in a row mean that the route is wrong, not the account.
            if outcomes and outcomes[-1][1] is ProfileOutcome.WRONG:
                raise
            outcome = ProfileOutcome.WRONG
        detector.record(account, outcome)
        outcomes.append((account, outcome))
    if retryable is not None:
        raise retryable
    _raise_for_wrong([account for account, outcome in outcomes if outcome is ProfileOutcome.WRONG])
    if detector.is_outage:
        log.warning("TikHub failed for %d accounts in a row: skipping the rest of the batch", MAX_CONSECUTIVE_FAILURES)
    return outcomes


def _raise_for_wrong(accounts: list[Account]) -> None:
    if accounts:
        raise TikHubRequestError(
            f"TikHub rejected the request for {len(accounts)} account(s) as invalid: "
            f"{', '.join(account.user_id for account in accounts[:5])}. The others were fetched; see the log above.",
            route=PROFILE_ROUTE,
            subject=accounts[0].user_id,
        )
