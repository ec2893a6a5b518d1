"""Counting of repeated failures in the retry policy."""

from __future__ import annotations

from typing import Any

from airflow.sdk import RetryAction

from comets.calls.retry_policy import DATABASE_TRIES, CallRetryPolicy
from comets.errors import DatabaseUnavailableError, TikHubTransientError
from comets.settings import Retries

UNAVAILABLE = DatabaseUnavailableError("The connection is lost.")


class Store(dict[str, Any]):
    """Airflow's store of a task instance, shared by its tries."""

    def set(self, key: str, value: Any) -> None:
        """Store a value."""
        self[key] = value


def decide(error: BaseException, try_number: int, store: Store | None, max_tries: int = 20) -> RetryAction:
    """Return the policy's action for a failure."""
    context = {} if store is None else {"task_state_store": store}
    return CallRetryPolicy(Retries()).evaluate(error, try_number, max_tries, context).action


def test_unavailable_database_is_retried_until_the_limit() -> None:
    store = Store()
    actions = [decide(UNAVAILABLE, number, store) for number in range(1, DATABASE_TRIES + 1)]
    assert actions == [RetryAction.RETRY] * (DATABASE_TRIES - 1) + [RetryAction.FAIL]


def test_database_retries_take_less_than_five_minutes() -> None:
    store = Store()
    decisions = [CallRetryPolicy(Retries()).evaluate(UNAVAILABLE, 1, 20, {"task_state_store": store}) for _ in range(6)]
    seconds = sum(decision.retry_delay.total_seconds() for decision in decisions if decision.retry_delay)
    assert 180 < seconds < 300


def test_killed_tries_and_other_failures_do_not_count() -> None:
    store = Store()
    assert decide(UNAVAILABLE, 15, store) is RetryAction.RETRY
    assert decide(KeyError("bug"), 16, store) is RetryAction.RETRY
    transient = TikHubTransientError("lost", route=None)
    assert decide(transient, 17, store) is RetryAction.RETRY


def test_clearing_resets_the_count() -> None:
    store = Store()
    for number in range(1, 4):
        last = decide(KeyError("bug"), number, store)
    assert last is RetryAction.FAIL
    assert decide(KeyError("bug"), 4, store, max_tries=23) is RetryAction.RETRY


def test_all_tries_count_without_airflows_store() -> None:
    assert decide(KeyError("bug"), 2, None) is RetryAction.RETRY
    assert decide(KeyError("bug"), 3, None) is RetryAction.FAIL
