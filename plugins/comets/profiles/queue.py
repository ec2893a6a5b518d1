"""The queue of accounts of one task: fetched one by one, with detection of outages and of calls in other tasks."""

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
"""Failed accounts in a row that count as an outage. During one, each account may take 90 s."""

log = logging.getLogger(f"airflow.task.{__name__}")


def read_all(reader: ProfileReader, accounts: Iterable[Account]) -> Counter[ProfileOutcome]:
    """Fetch all accounts, and poll those that another task is fetching.

    :return: number of accounts by outcome
    :raises TikHubError: some accounts need a retry; the others are landed.
    :raises CallSkippedError: the run may make no more calls.
    """
    counts: Counter[ProfileOutcome] = Counter()
    pending = list(accounts)
    while pending:
        outcomes = _read_each(reader, pending)
        counts.update(outcome for _, outcome in outcomes if outcome is not ProfileOutcome.IN_FLIGHT)
        pending = [account for account, outcome in outcomes if outcome is ProfileOutcome.IN_FLIGHT]
        if pending:
            time.sleep(IN_FLIGHT_POLL_SECONDS)
    return counts


class _OutageDetector:
    """Counts failed accounts in a row, unless TikHub answered for another account in the meantime."""

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
            outcomes.append((account, ProfileOutcome.SKIPPED))
            continue
        try:
            outcome = reader.read(account)
        except (TikHubAmbiguousError, TikHubTransientError) as error:
            retryable = error
            log.warning("%s Retried with the task.", error)
            outcome = ProfileOutcome.FAILED if isinstance(error, TikHubTransientError) else ProfileOutcome.REFUSED
        except TikHubRequestError:
            # Two in a row mean that the route is invalid, not the account.
            if outcomes and outcomes[-1][1] is ProfileOutcome.INVALID:
                raise
            outcome = ProfileOutcome.INVALID
        detector.record(account, outcome)
        outcomes.append((account, outcome))
    if retryable is not None:
        raise retryable
    _raise_for_invalid([account for account, outcome in outcomes if outcome is ProfileOutcome.INVALID])
    if detector.is_outage:
        log.warning("TikHub failed for %d accounts in a row: skipping the rest of the batch", MAX_CONSECUTIVE_FAILURES)
    return outcomes


def _raise_for_invalid(accounts: list[Account]) -> None:
    if accounts:
        raise TikHubRequestError(
            f"TikHub rejected the request for {len(accounts)} account(s) as invalid: "
            f"{', '.join(account.user_id for account in accounts[:5])}. The others were fetched; see the log above.",
            route=PROFILE_ROUTE,
            subject=accounts[0].user_id,
        )
