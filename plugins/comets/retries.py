"""Which failures of a task are worth another try, and when."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy

from comets.database import DatabaseError
from comets.errors import (
    TikHubAccountNotFoundError,
    TikHubAuthError,
    TikHubBalanceError,
    TikHubRateLimitError,
    TikHubRequestError,
)
from comets.failures import DATABASE_ERRORS, DATABASE_TRIES, failed_tries_of
from comets.ledger import CallRefusedError
from comets.run import ParamsError
from comets.settings import Retries

MAX_RETRIES = 20
"""Airflow's ceiling for one task instance; the policy ends every single call much earlier."""

FINAL_ERRORS = (
    CallRefusedError,
    DatabaseError,
    ParamsError,
    TikHubAccountNotFoundError,
    TikHubAuthError,
    TikHubBalanceError,
    TikHubRequestError,
)
"""Another try can't help until a person has changed something."""


class CallRetryPolicy(RetryPolicy):
    """The only place that decides about retries: the hook makes none of its own.

    Landed pages survive a retry, so one task instance may fail at several calls in turn. What is counted is therefore
    how often the failing call itself has failed, and for other errors how often this task instance met their kind.
    """

    def __init__(self, retries: Retries) -> None:
        self._retries = retries

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """Fail, or retry: after the time that TikHub asked for, else after a pause that doubles; both are capped."""
        if isinstance(exception, FINAL_ERRORS):
            return RetryDecision.fail(str(exception))
        failed_tries = failed_tries_of(exception, try_number, max_tries, context)
        limit = (
            self._retries.rate_limit_tries
            if isinstance(exception, TikHubRateLimitError)
            else self._retries.tries_per_call
        )
        if isinstance(exception, DATABASE_ERRORS):
            limit = DATABASE_TRIES
        if failed_tries >= limit:
            return RetryDecision.fail(f"Given up after {failed_tries} tries: {exception}")
        asked = exception.retry_after if isinstance(exception, TikHubRateLimitError) else None
        delay = self._capped(asked) if asked is not None else self._backoff(failed_tries)
        return RetryDecision.retry(delay, f"Try {failed_tries} of {limit} failed: {exception}")

    def _backoff(self, failed_tries: int) -> timedelta:
        # Up to a quarter more, so that mapped siblings that failed together do not come back together.
        jitter = 1 + random.random() / 4  # noqa: S311  (nothing secret)
        return self._capped(self._retries.delay_seconds * 2 ** (failed_tries - 1) * jitter)

    def _capped(self, seconds: float) -> timedelta:
        return timedelta(seconds=min(seconds, self._retries.max_delay_seconds))
