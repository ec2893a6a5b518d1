"""Fetching of one profile: skipped if not needed, and landed with any outcome."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial

from comets.calls.ledger import Call, Ledger
from comets.database.client import Database
from comets.deadline import TASK_TIMEOUT
from comets.errors import (
    TikHubAccountNotFoundError,
    TikHubAmbiguousError,
    TikHubError,
    TikHubRateLimitError,
    TikHubRequestError,
    TikHubTransientError,
)
from comets.privacy.erasure import erased_ids
from comets.profiles.accounts import Account, ProfileOutcome
from comets.profiles.landing import land_failed_profile, land_profile
from comets.settings import Retries
from comets.tikhub.hook import PROFILE_ROUTE, TikHubHook
from comets.tikhub.models import Profile

IN_FLIGHT_SECONDS = 120
"""Age at which an open call is considered dead. A call takes at most 90 s (30 s each to connect, respond and send)."""

log = logging.getLogger(f"airflow.task.{__name__}")


class _SkipAccountError(Exception):
    """The account is not fetched; `outcome` says why."""

    def __init__(self, outcome: ProfileOutcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class ProfileReader:
    """Fetches and lands the profiles of accounts for one task of a run.

    :param retries: number of failures after which an account is given up for the day, without failing the task
    :param hashtag: the hashtag whose search found the accounts; None in the roll call
    """

    def __init__(
        self,
        *,
        hook: TikHubHook,
        database: Database,
        ledger: Ledger,
        run_id: str,
        retries: Retries,
        hashtag: str | None = None,
    ) -> None:
        self._hook = hook
        self._database = database
        self._ledger = ledger
        self._run_id = run_id
        self._retries = retries
        self._hashtag = hashtag
        self._is_rate_limited = False

    def read(self, account: Account) -> ProfileOutcome:
        """Fetch and land the profile of an account.

        :raises TikHubAmbiguousError: refused by every identifier; retry later.
        :raises TikHubTransientError: retry later.
        :raises TikHubRateLimitError: TikHub limits the rate, which affects every account; retry later.
        :raises TikHubRequestError: a retry can't help.
        """
        call = Call(PROFILE_ROUTE, hashtag=self._hashtag, user_id=account.user_id)
        failures = self._ledger.failures(call)
        attempts, error_type = failures.count, failures.last_error_type
        if error_type == TikHubRequestError.__name__:
            return ProfileOutcome.INVALID
        while attempts < self._max_attempts(error_type):
            self._hook.warm_up()
            try:
                result = self._ledger.execute(
                    call, partial(self._fetch, account, attempts), partial(self._ensure_needed, account)
                )
            except _SkipAccountError as skipped:
                return skipped.outcome
            except TikHubAccountNotFoundError as error:
                log.warning("%s", error)
                return self._land_failure(account, ProfileOutcome.NO_ACCOUNT)
            except TikHubRequestError as error:
                log.error("%s", error)
                raise
            except (TikHubAmbiguousError, TikHubTransientError, TikHubRateLimitError) as error:
                attempts, error_type = error.failed_attempts, type(error).__name__
                if attempts < self._max_attempts(error_type):
                    self._raise_unless_identifier_left(error, account)
                else:
                    log.warning(
                        "%s Given up for today after %d attempts (account %s).", error, attempts, account.user_id
                    )
            else:
                self._is_rate_limited = False
                is_landed = land_profile(self._database, self._ledger, self._run_id, account.user_id, result)
                return ProfileOutcome.FETCHED if is_landed else ProfileOutcome.ERASED
        self._is_rate_limited = error_type == TikHubRateLimitError.__name__
        is_refused = error_type == TikHubAmbiguousError.__name__
        return self._land_failure(account, ProfileOutcome.REFUSED if is_refused else ProfileOutcome.FAILED)

    def has_later_answer(self, account: Account) -> bool:
        """Return whether TikHub answered this run for another account since it first failed for this one."""
        row = self._database.fetch_one("profiles/has_later_answer", run_id=self._run_id, asked_id=account.user_id)
        return bool(row["is_answered"])

    def _max_attempts(self, error_type: str | None) -> int:
        is_rate_limit = error_type == TikHubRateLimitError.__name__
        return self._retries.rate_limit_tries if is_rate_limit else self._retries.tries_per_call

    def _raise_unless_identifier_left(self, error: TikHubError, account: Account) -> None:
        # A request by another identifier needs no delay.
        if isinstance(error, TikHubAmbiguousError) and error.failed_attempts < len(account.identifiers):
            return
        if isinstance(error, TikHubRateLimitError) and self._is_rate_limited:
            # The previous account was given up for the same reason, so waiting longer does not help.
            error.failed_attempts = self._retries.rate_limit_tries
        raise error

    def _ensure_needed(self, account: Account) -> None:
        """Lock the account and check that it still has to be fetched.

        :raises _SkipAccountError: it does not.
        """
        if erased_ids(self._database, (account.user_id, account.sec_uid)):
            raise _SkipAccountError(ProfileOutcome.ERASED)
        self._database.execute("profiles/lock_account", asked_id=account.user_id)
        state = self._database.fetch_one(
            "profiles/profile_state",
            run_id=self._run_id,
            asked_id=account.user_id,
            hashtag=self._hashtag,
            call_timeout=timedelta(seconds=IN_FLIGHT_SECONDS),
            task_timeout=TASK_TIMEOUT,
        )
        if state["is_answered"]:
            raise _SkipAccountError(ProfileOutcome.ALREADY_FETCHED)
        if state["is_in_flight"]:
            raise _SkipAccountError(ProfileOutcome.IN_FLIGHT)

    def _fetch(self, account: Account, attempts: int) -> Profile:
        """Request the profile by another identifier at each attempt.

        TikHub refuses some identifiers of valid accounts (its issue 36).

        :raises TikHubAmbiguousError: also when TikHub sends another account.
        """
        identifiers = account.identifiers
        name, identifier = identifiers[attempts % len(identifiers)]
        profile = self._hook.fetch_profile(**{name: identifier})
        if not account.matches(profile):
            raise TikHubAmbiguousError(
                f"TikHub sent another account for the {name} of {account.user_id}.",
                route=PROFILE_ROUTE,
                subject=account.user_id,
                status=200,
                is_billed=True,
            )
        return profile

    def _land_failure(self, account: Account, outcome: ProfileOutcome) -> ProfileOutcome:
        observed_at = self._last_answered_at or datetime.now(UTC)
        land_failed_profile(self._database, self._run_id, account.user_id, outcome.name.lower(), observed_at)
        return outcome

    @cached_property
    def _last_answered_at(self) -> datetime | None:
        """TikHub's time of its last response to this run, so that failures and responses have dates of one clock."""
        row = self._database.fetch_one("profiles/last_answered_at", run_id=self._run_id)
        answered_at: datetime | None = row["answered_at"]
        return answered_at
