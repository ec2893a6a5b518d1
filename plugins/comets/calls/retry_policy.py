"""Which calls and tasks are retried, how often, and after which delay."""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy

from comets.database.connection import checked_connection, describe_place
from comets.errors import (
    CallSkippedError,
    DatabaseError,
    DatabaseUnavailableError,
    HashtagsFailedError,
    ParamsError,
    QualityCheckError,
    TaskDeadlineError,
    TikHubAccountNotFoundError,
    TikHubAuthError,
    TikHubBalanceError,
    TikHubError,
    TikHubGivenUpError,
    TikHubRateLimitError,
    TikHubRequestError,
    TransientDatabaseError,
)
from comets.settings import DATABASE_CONN_ID, Retries

_NOT_RETRYABLE = frozenset(
    kind.__name__ for kind in (TikHubAccountNotFoundError, TikHubGivenUpError, TikHubRequestError)
)


def max_attempts(error_type: str | None, retries: Retries) -> int:
    """Return the maximum number of attempts at a call whose last error has this class name."""
    if error_type in _NOT_RETRYABLE:
        return 1
    return retries.rate_limit_tries if error_type == TikHubRateLimitError.__name__ else retries.tries_per_call


def is_retryable(error: TikHubError, retries: Retries) -> bool:
    """Return whether the failed call may be made again."""
    return error.failed_attempts < max_attempts(type(error).__name__, retries)


DATABASE_TRIES = 7
"""With the default settings the delays add up to four minutes, enough for a restart or a failover."""

log = logging.getLogger(f"airflow.task.{__name__}")


def count_failures(exception: BaseException, try_number: int, max_tries: int, context: Any) -> int:
    """Return how often this failure occurred, including this time.

    A TikHub error carries the count of its call. Other errors are counted by kind, per task instance since it was last
    cleared. Airflow's try number also counts failures of other calls and killed tries.
    """
    if isinstance(exception, TikHubError):
        return exception.failed_attempts
    kind = "database" if isinstance(exception, TransientDatabaseError) else "other"
    # Clearing a task instance raises max_tries.
    key = f"{kind}_failures_{max_tries}"
    try:
        # Airflow stores the count because the creators' database may be what fails.
        store = context["task_state_store"]
        count = int(store.get(key, 0)) + 1
        store.set(key, count)
    except Exception as error:
        log.warning("Airflow can't count the failures of this task (%s): counting all tries", type(error).__name__)
        return try_number
    return count


MAX_RETRIES = 20
"""Airflow's limit for one task instance. The policy gives up a single call much earlier."""

GIVE_UP_SECONDS = 300
"""A failing call is given up within this time, whatever delays are configured."""

RATE_LIMIT_RESPONSE_SECONDS = 10
"""A 429 arrives quickly. Any other failing call may take the whole timeout of `TikHubHook`."""

FINAL_ERRORS = (
    CallSkippedError,
    DatabaseError,
    QualityCheckError,
    HashtagsFailedError,
    ParamsError,
    TikHubAccountNotFoundError,
    TikHubAuthError,
    TikHubBalanceError,
    TikHubGivenUpError,
    TikHubRequestError,
)
"""A retry can't help until a person changes something."""


class CallRetryPolicy(RetryPolicy):
    """Decides on every retry; the hook makes none itself.

    Landed pages survive a retry, so one task instance may fail at several calls in turn. The policy therefore counts
    the failures of a call, and of other errors the failures per kind and task instance.
    """

    def __init__(self, retries: Retries) -> None:
        self._retries = retries

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """Fail, or retry after `Retry-After`, else after a delay that doubles; both are capped."""
        exception = _translate_driver_error(exception, context)
        if isinstance(exception, TaskDeadlineError):
            # Not a failure: a group or batch may be larger than one try can fetch. MAX_RETRIES ends it.
            return RetryDecision.retry(timedelta(0), str(exception))
        if isinstance(exception, FINAL_ERRORS) and not isinstance(exception, TransientDatabaseError):
            return RetryDecision.fail(str(exception))
        failed_attempts = count_failures(exception, try_number, max_tries, context)
        limit = self._limit(exception)
        if failed_attempts >= limit:
            return RetryDecision.fail(f"Given up after {failed_attempts} tries: {exception}")
        retry_after = exception.retry_after if isinstance(exception, TikHubRateLimitError) else None
        delay = self._backoff(failed_attempts) if retry_after is None else retry_after
        delay = min(delay, self._retries.max_delay_seconds, _max_delay(exception, limit))
        return RetryDecision.retry(timedelta(seconds=delay), f"Try {failed_attempts} of {limit} failed: {exception}")

    def _limit(self, exception: BaseException) -> int:
        if isinstance(exception, DatabaseUnavailableError):
            return DATABASE_TRIES
        return max_attempts(type(exception).__name__, self._retries)

    def _backoff(self, failed_attempts: int) -> float:
        # Mapped tasks that fail together must not retry together.
        jitter = 1 + random.random() / 4  # noqa: S311  (nothing secret)
        return float(self._retries.delay_seconds * 2 ** (failed_attempts - 1) * jitter)


def _max_delay(exception: BaseException, attempts: int) -> float:
    """Return the longest delay in seconds with which all attempts at a TikHub call fit into GIVE_UP_SECONDS."""
    if not isinstance(exception, TikHubError):
        return float("inf")
    from comets.tikhub.hook import TikHubHook  # slow to import, and most tasks never call TikHub

    is_limited = isinstance(exception, TikHubRateLimitError)
    call_seconds = RATE_LIMIT_RESPONSE_SECONDS if is_limited else TikHubHook.timeout_seconds
    return max(0.0, GIVE_UP_SECONDS - attempts * call_seconds) / max(1, attempts - 1)


def _translate_driver_error(exception: BaseException, context: Any) -> BaseException:
    """Return the package's error for a psycopg error, which a SQL step raises; return any other error unchanged."""
    import psycopg  # slow to import, and parsing a Dag file imports this module

    from comets.database.failures import classify_error

    if not isinstance(exception, psycopg.Error):
        return exception
    task = context["task"] if context else None
    try:
        connection = checked_connection(getattr(task, "conn_id", None) or DATABASE_CONN_ID)
    except DatabaseError as error:
        return error
    step = f"The task {task.task_id}" if task else "A statement"
    return classify_error(exception, describe_place(connection), step, connection.password) or exception
