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
    TikHubError,
    TikHubRateLimitError,
    TikHubRequestError,
)
from comets.hooks.tikhub import TikHubHook
from comets.ledger import CallRefusedError
from comets.run import ParamsError
from comets.settings import Retries

MAX_RETRIES = 20
"""Airflow's ceiling for one task instance; the policy ends every single call much earlier."""

GIVE_UP_SECONDS = 300
"""A call that keeps failing gives up within this time, whatever pauses are configured."""

RATE_LIMIT_REPLY_SECONDS = 10
"""Being told to wait is a quick reply; any other failing call may take TikHubHook's whole timeout."""

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
    how often the failing call itself has failed, and for other errors (a database that is away) Airflow's try number.
    """

    def __init__(self, retries: Retries) -> None:
        self._retries = retries

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """Fail, or retry: after the time that TikHub asked for, else after a pause that doubles; both are capped."""
        if isinstance(exception, FINAL_ERRORS):
            return RetryDecision.fail(str(exception))
        failed_tries = exception.failed_tries if isinstance(exception, TikHubError) else try_number
        is_limited = isinstance(exception, TikHubRateLimitError)
        limit = self._retries.rate_limit_tries if is_limited else self._retries.tries_per_call
        if failed_tries >= limit:
            return RetryDecision.fail(f"Given up after {failed_tries} tries: {exception}")
        asked = exception.retry_after if isinstance(exception, TikHubRateLimitError) else None
        wanted = asked if asked is not None else self._backoff(failed_tries)
        call_seconds = RATE_LIMIT_REPLY_SECONDS if is_limited else TikHubHook.timeout_seconds
        delay = min(wanted, self._retries.max_delay_seconds, _longest_pause(limit, call_seconds))
        return RetryDecision.retry(timedelta(seconds=delay), f"Try {failed_tries} of {limit} failed: {exception}")

    def _backoff(self, failed_tries: int) -> float:
        # Up to a quarter more, so that mapped siblings that failed together do not come back together.
        jitter = 1 + random.random() / 4  # noqa: S311  (nothing secret)
        return float(self._retries.delay_seconds * 2 ** (failed_tries - 1) * jitter)


def _longest_pause(tries: int, call_seconds: float) -> float:
    """Seconds between two tries that leave all of them time within GIVE_UP_SECONDS."""
    return max(0.0, GIVE_UP_SECONDS - tries * call_seconds) / max(1, tries - 1)
