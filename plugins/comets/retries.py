"""Which failures of a task are worth another try, and when."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy

from comets.database_connection import checked_connection, describe_place
from comets.database_errors import DatabaseAwayError, DatabaseError, TransientDatabaseError
from comets.errors import (
    HashtagsFailedError,
    TikHubAccountNotFoundError,
    TikHubAuthError,
    TikHubBalanceError,
    TikHubError,
    TikHubGivenUpError,
    TikHubRateLimitError,
    TikHubRequestError,
)
from comets.failures import DATABASE_TRIES, failed_tries_of
from comets.gates import GateTrippedError
from comets.ledger import CallRefusedError
from comets.run import ParamsError
from comets.settings import DATABASE_CONN_ID, Retries
from comets.timeouts import TimeIsUpError
from comets.tries import tries_of_a_call

MAX_RETRIES = 20
"""Airflow's ceiling for one task instance; the policy ends every single call much earlier."""

GIVE_UP_SECONDS = 300
"""A call that keeps failing gives up within this time, whatever pauses are configured."""

RATE_LIMIT_REPLY_SECONDS = 10
"""Being told to wait is a quick reply; any other failing call may take TikHubHook's whole timeout."""


FINAL_ERRORS = (
    CallRefusedError,
    DatabaseError,
    GateTrippedError,
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
        if isinstance(exception, TimeIsUpError):
            # No failure: a group or batch that is larger than a task's time at the pace goes on. Airflow ends it.
            return RetryDecision.retry(timedelta(0), str(exception))
        if isinstance(exception, FINAL_ERRORS) and not isinstance(exception, TransientDatabaseError):
            return RetryDecision.fail(str(exception))
        failed_tries = failed_tries_of(exception, try_number, max_tries, context)
        limit = self._limit(exception)
        if failed_tries >= limit:
            return RetryDecision.fail(f"Given up after {failed_tries} tries: {exception}")
        asked = exception.retry_after if isinstance(exception, TikHubRateLimitError) else None
        wanted = asked if asked is not None else self._backoff(failed_tries)
        delay = min(wanted, self._retries.max_delay_seconds, _longest_pause(exception, limit))
        return RetryDecision.retry(timedelta(seconds=delay), f"Try {failed_tries} of {limit} failed: {exception}")

    def _limit(self, exception: BaseException) -> int:
        if isinstance(exception, DatabaseAwayError):
            return DATABASE_TRIES
        return tries_of_a_call(type(exception).__name__, self._retries)

    def _backoff(self, failed_tries: int) -> float:
        # Up to a quarter more, so that mapped siblings that failed together do not come back together.
        jitter = 1 + random.random() / 4  # noqa: S311  (nothing secret)
        return float(self._retries.delay_seconds * 2 ** (failed_tries - 1) * jitter)


def _longest_pause(exception: BaseException, tries: int) -> float:
    """Seconds between two tries that leave all tries of a TikHub call time within GIVE_UP_SECONDS."""
    if not isinstance(exception, TikHubError):
        return float("inf")
    # Only here, as it takes a while: every task imports this module, and most never ask TikHub.
    from comets.hooks.tikhub import TikHubHook

    is_limited = isinstance(exception, TikHubRateLimitError)
    call_seconds = RATE_LIMIT_REPLY_SECONDS if is_limited else TikHubHook.timeout_seconds
    return max(0.0, GIVE_UP_SECONDS - tries * call_seconds) / max(1, tries - 1)


def _in_words(exception: BaseException, context: Any) -> BaseException:
    """The error itself, or what psycopg's error means that Airflow's own hook has raised in a SQL step."""
    # Only here, as it takes a while: whatever parses a Dag file imports this module.
    import psycopg

    from comets.database_failures import translate

    if not isinstance(exception, psycopg.Error):
        return exception
    task = context["task"] if context else None
    try:
        connection = checked_connection(getattr(task, "conn_id", None) or DATABASE_CONN_ID)
    except DatabaseError as error:
        return error
    step = f"The task {task.task_id}" if task else "A statement"
    return translate(exception, describe_place(connection), step, connection.password) or exception
