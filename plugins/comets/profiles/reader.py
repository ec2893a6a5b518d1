"""Profiles, one account after the other: asked for when they are needed, landed whatever comes of it."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial

from comets.calls.ledger import Call, Ledger
from comets.database.client import Database
from comets.errors import (
    TikHubAccountNotFoundError,
    TikHubAmbiguousError,
    TikHubError,
    TikHubRateLimitError,
    TikHubRequestError,
    TikHubTransientError,
)
from comets.privacy.erased import forgotten
from comets.profiles.accounts import Account, Reading
from comets.profiles.landing import land_failed_profile, land_profile
from comets.tikhub.hook import PROFILE_ROUTE, TikHubHook
from comets.tikhub.models import Profile

IN_FLIGHT_SECONDS = 120
"""A call takes at most 30 s to connect, 30 s to answer and 30 s to send its body; after that, who made it is dead. It
begins at the moment that the pace has given it."""

IN_FLIGHT_POLL_SECONDS = 0.5

MAX_CONSECUTIVE_FAILURES = 4
"""For so many accounts in a row TikHub could not answer: an outage, in which each further one may cost 90 s."""


# Airflow sets the level of this tree of loggers; below the root logger, INFO would be lost in `airflow dags test`.
log = logging.getLogger(f"airflow.task.{__name__}")


class _SkipAccountError(Exception):
    """The call is not made; `reading` says why."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading)
        self.reading = reading


class ProfileReader:
    """Asks for the profiles that a task of a run needs, and lands each outcome with the run's date.

    :param tries_per_call: after this many failures an account is given up for today, which fails no task
    :param rate_limit_tries: the same while TikHub says "too many requests"
    :param hashtag: the hashtag that led to the accounts; None for the roll call
    """

    def __init__(
        self,
        *,
        hook: TikHubHook,
        database: Database,
        ledger: Ledger,
        run_id: str,
        tries_per_call: int,
        rate_limit_tries: int = 5,
        hashtag: str | None = None,
    ) -> None:
        self._hook = hook
        self._database = database
        self._ledger = ledger
        self._run_id = run_id
        self._tries_per_call = tries_per_call
        self._rate_limit_tries = rate_limit_tries
        self._hashtag = hashtag
        self._is_limited = False

    def read_all(self, accounts: Iterable[Account]) -> Counter[Reading]:
        """Read every account that is not answered yet; one that another task asks for at the moment is waited for.

        :return: how many accounts ended how
        :raises TikHubError: some must be tried again; the others are landed.
        :raises CallSkippedError: the run may make no further call.
        """
        readings: Counter[Reading] = Counter()
        waiting = list(accounts)
        while waiting:
            outcomes = self._pass_over(waiting)
            readings.update(reading for _, reading in outcomes if reading is not Reading.IN_FLIGHT)
            waiting = [account for account, reading in outcomes if reading is Reading.IN_FLIGHT]
            if waiting:
                time.sleep(IN_FLIGHT_POLL_SECONDS)
        return readings

    def _pass_over(self, accounts: list[Account]) -> list[tuple[Account, Reading]]:
        outcomes: list[tuple[Account, Reading]] = []
        failure: TikHubError | None = None
        silent_count = 0
        for account in accounts:
            if silent_count == MAX_CONSECUTIVE_FAILURES:
                outcomes.append((account, Reading.NOT_ASKED))
                continue
            try:
                reading = self._read(account)
            except (TikHubAmbiguousError, TikHubTransientError) as error:
                failure = error
                # The task can fail with one error only; all the others' reasons stand here.
                log.warning("%s It will be asked for again.", error)
                reading = Reading.FAILED if isinstance(error, TikHubTransientError) else Reading.REFUSED
            except TikHubRequestError:
                # Two in a row are no coincidence: then it is no odd account, and nobody can be asked.
                if outcomes and outcomes[-1][1] is Reading.WRONG:
                    raise
                reading = Reading.WRONG
            if reading is not Reading.FAILED:
                silent_count = 0
            elif not self._is_answered_for_others(account):
                silent_count += 1
            outcomes.append((account, reading))
        self._raise_failure(failure, [account for account, reading in outcomes if reading is Reading.WRONG])
        if silent_count == MAX_CONSECUTIVE_FAILURES:
            log.warning("TikHub could not answer for %d accounts in a row: nobody else is asked now", silent_count)
        return outcomes

    def _is_answered_for_others(self, account: Account) -> bool:
        row = self._database.fetch_one("profiles/has_later_answer", run_id=self._run_id, asked_id=account.user_id)
        return bool(row["is_answered"])

    def _raise_failure(self, failure: TikHubError | None, wrong: list[Account]) -> None:
        """Fail the task after the others were read: for a retry as long as one can help, else for good."""
        if failure is not None:
            raise failure
        if wrong:
            raise TikHubRequestError(
                f"TikHub refused the request for {len(wrong)} account(s) as wrong: "
                f"{', '.join(account.user_id for account in wrong[:5])}. The others were asked; see the log above.",
                route=PROFILE_ROUTE,
                subject=wrong[0].user_id,
            )

    def _read(self, account: Account) -> Reading:
        """Ask until there is an outcome.

        :raises TikHubAmbiguousError: refused by every identifier; worth another try later.
        :raises TikHubTransientError: worth another try later.
        :raises TikHubRateLimitError: TikHub asks to wait, which concerns every account.
        :raises TikHubRequestError: another try can't help.
        """
        call = Call(PROFILE_ROUTE, hashtag=self._hashtag, user_id=account.user_id)
        failures = self._ledger.failures(call)
        failed_attempts, error_type = failures.count, failures.last_error_type
        if error_type == TikHubRequestError.__name__:
            return Reading.WRONG
        while failed_attempts < self._granted_tries(error_type):
            self._hook.warm_up()
            try:
                answer = self._ledger.make(
                    call, partial(self._fetch, account, failed_attempts), partial(self._require_wanted, account)
                )
            except _SkipAccountError as reason:
                return reason.reading
            except TikHubAccountNotFoundError as error:
                log.warning("%s", error)
                return self._land_unread(account, Reading.NO_ACCOUNT)
            except TikHubRequestError as error:
                log.error("%s", error)
                raise
            except (TikHubAmbiguousError, TikHubTransientError, TikHubRateLimitError) as error:
                failed_attempts, error_type = error.failed_attempts, type(error).__name__
                if failed_attempts < self._granted_tries(error_type):
                    self._raise_unless_another_way(error, account)
                else:
                    log.warning("%s Given up for today after %d tries.", error, failed_attempts)
            else:
                self._is_limited = False
                is_landed = land_profile(self._database, self._ledger, self._run_id, account.user_id, answer)
                return Reading.READ if is_landed else Reading.ERASED
        self._is_limited = error_type == TikHubRateLimitError.__name__
        is_discarded = error_type == TikHubAmbiguousError.__name__
        return self._land_unread(account, Reading.REFUSED if is_discarded else Reading.FAILED)

    def _granted_tries(self, error_type: str | None) -> int:
        # Being told to wait says little about the account.
        return self._rate_limit_tries if error_type == TikHubRateLimitError.__name__ else self._tries_per_call

    def _raise_unless_another_way(self, error: TikHubError, account: Account) -> None:
        # Another identifier is another question, which needs no pause.
        if isinstance(error, TikHubAmbiguousError) and error.failed_attempts < len(account.identifiers):
            return
        if isinstance(error, TikHubRateLimitError) and self._is_limited:
            # The account before was given up for the same reason: everybody is meant, and enough was tried.
            error.failed_attempts = self._rate_limit_tries
        raise error

    def _require_wanted(self, account: Account) -> None:
        """Decide, while no other task can, whether the account has to be asked for.

        :raises _SkipAccountError: it has not.
        """
        if forgotten(self._database, (account.user_id, account.sec_uid)):
            raise _SkipAccountError(Reading.ERASED)
        self._database.execute("profiles/lock_account", asked_id=account.user_id)
        state = self._database.fetch_one(
            "profiles/profile_state",
            run_id=self._run_id,
            asked_id=account.user_id,
            hashtag=self._hashtag,
            call_timeout=timedelta(seconds=IN_FLIGHT_SECONDS),
        )
        if state["is_answered"]:
            raise _SkipAccountError(Reading.ANSWERED)
        if state["is_in_flight"]:
            raise _SkipAccountError(Reading.IN_FLIGHT)

    def _fetch(self, account: Account, failed_attempts: int) -> Profile:
        """Ask by another identifier at every try: TikHub has refused valid accounts by some of them (its issue 36).

        :raises TikHubAmbiguousError: also when another account answers.
        """
        identifiers = account.identifiers
        name, identifier = identifiers[failed_attempts % len(identifiers)]
        profile = self._hook.fetch_profile(**{name: identifier})
        if not account.matches(profile):
            raise TikHubAmbiguousError(
                f"Asked for the account {account.user_id} by its {name}, TikHub answered with another one.",
                route=PROFILE_ROUTE,
                subject=account.user_id,
                status=200,
                is_billed=True,
            )
        return profile

    def _land_unread(self, account: Account, reading: Reading) -> Reading:
        observed_at = self._last_answered_at or datetime.now(UTC)
        land_failed_profile(self._database, self._run_id, account.user_id, reading.name.lower(), observed_at)
        return reading

    @cached_property
    def _last_answered_at(self) -> datetime | None:
        """TikHub's time when it last answered this run: days of failing and of answering are told by one clock."""
        answered_at: datetime | None = self._database.fetch_one("profiles/last_answered_at", run_id=self._run_id)[
            "answered_at"
        ]
        return answered_at
