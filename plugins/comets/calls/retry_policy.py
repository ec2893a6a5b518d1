"""How often a call or a task is retried, and when."""

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

_ONE_TRY = frozenset(kind.__name__ for kind in (TikHubAccountNotFoundError, TikHubGivenUpError, TikHubRequestError))


def max_attempts(error_type: str | None, retries: Retries) -> int:
    """How often a call may be tried in all whose last error was of this class, as the ledger names it."""
    if error_type in _ONE_TRY:
        return 1
    return retries.rate_limit_tries if error_type == TikHubRateLimitError.__name__ else retries.tries_per_call


def is_retryable(error: TikHubError, retries: Retries) -> bool:
    """Whether the call that failed may be made again."""
    return error.failed_attempts < max_attempts(type(error).__name__, retries)


DATABASE_TRIES = 7
"""With the settings as delivered the pauses make about four minutes: a server restarts, a standby takes over."""

log = logging.getLogger(f"airflow.task.{__name__}")


def count_failures(exception: BaseException, try_number: int, max_tries: int, context: Any) -> int:
    """How often the same has failed, this time included.

    TikHub's errors bring the number of their call. Of others it is how often this task instance met one of their kind
    since it was last cleared. Airflow's try number would count failures of other calls too, and tries that were killed.
    """
    if isinstance(exception, TikHubError):
        return exception.failed_attempts
    kind = "database" if isinstance(exception, TransientDatabaseError) else "other"
    # Clearing a task instance raises max_tries.
    key = f"{kind}_failures_{max_tries}"
    try:
        # Kept by Airflow, because the creators' database may be what fails.
        store = context["task_state_store"]
        count = int(store.get(key, 0)) + 1
        store.set(key, count)
    except Exception as error:
        # The try number is at least as large.
        log.warning("Airflow could not count the failures of this task (%s): all tries count", type(error).__name__)
        return try_number
    return count


MAX_RETRIES = 20
"""Airflow's ceiling for one task instance; the policy ends every single call much earlier."""

GIVE_UP_SECONDS = 300
"""A call that keeps failing gives up within this time, whatever pauses are configured."""

RATE_LIMIT_REPLY_SECONDS = 10
"""Being told to wait is a quick reply; any other failing call may take TikHubHook's whole timeout."""


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
        exception = _in_words(exception, context)
        if isinstance(exception, TaskDeadlineError):
            # No failure: a group or batch that is larger than a task's time at the pace goes on. Airflow ends it.
            return RetryDecision.retry(timedelta(0), str(exception))
        if isinstance(exception, FINAL_ERRORS) and not isinstance(exception, TransientDatabaseError):
            return RetryDecision.fail(str(exception))
        failed_attempts = count_failures(exception, try_number, max_tries, context)
        limit = self._limit(exception)
        if failed_attempts >= limit:
            return RetryDecision.fail(f"Given up after {failed_attempts} tries: {exception}")
        asked = exception.retry_after if isinstance(exception, TikHubRateLimitError) else None
        wanted = asked if asked is not None else self._backoff(failed_attempts)
        delay = min(wanted, self._retries.max_delay_seconds, _longest_pause(exception, limit))
        return RetryDecision.retry(timedelta(seconds=delay), f"Try {failed_attempts} of {limit} failed: {exception}")

    def _limit(self, exception: BaseException) -> int:
        if isinstance(exception, DatabaseUnavailableError):
            return DATABASE_TRIES
        return max_attempts(type(exception).__name__, self._retries)

    def _backoff(self, failed_attempts: int) -> float:
        # Up to a quarter more, so that mapped siblings that failed together do not come back together.
        jitter = 1 + random.random() / 4  # noqa: S311  (nothing secret)
        return float(self._retries.delay_seconds * 2 ** (failed_attempts - 1) * jitter)


def _longest_pause(exception: BaseException, tries: int) -> float:
    """Seconds between two tries that leave all tries of a TikHub call time within GIVE_UP_SECONDS."""
    if not isinstance(exception, TikHubError):
        return float("inf")
    # Only here, as it takes a while: every task imports this module, and most never ask TikHub.
    from comets.tikhub.hook import TikHubHook

    is_limited = isinstance(exception, TikHubRateLimitError)
    call_seconds = RATE_LIMIT_REPLY_SECONDS if is_limited else TikHubHook.timeout_seconds
    return max(0.0, GIVE_UP_SECONDS - tries * call_seconds) / max(1, tries - 1)


def _in_words(exception: BaseException, context: Any) -> BaseException:
    """The error itself, or what psycopg's error means that Airflow's own hook has raised in a SQL step."""
    # Only here, as it takes a while: whatever parses a Dag file imports this module.
    import psycopg

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
