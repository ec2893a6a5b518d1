"""What the retry policy counts as another failure of the same."""

from __future__ import annotations

from typing import Any

from airflow.sdk import RetryAction

from comets.calls.retry_policy import DATABASE_TRIES, CallRetryPolicy
from comets.errors import DatabaseUnavailableError, TikHubTransientError
from comets.settings import Retries

AWAY = DatabaseUnavailableError("The connection is lost.")


class Store(dict[str, Any]):
    """Airflow's store of a task instance, which outlives its tries."""

    def set(self, key: str, value: Any) -> None:
        """Keep a value."""
        self[key] = value


def decide(error: BaseException, try_number: int, store: Store | None, max_tries: int = 20) -> RetryAction:
    """What the policy says to a failure."""
    context = {} if store is None else {"task_state_store": store}
    return CallRetryPolicy(Retries()).evaluate(error, try_number, max_tries, context).action


def test_a_database_that_is_away_is_waited_for_and_given_up_in_the_end() -> None:
    store = Store()
    actions = [decide(AWAY, number, store) for number in range(1, DATABASE_TRIES + 1)]
    assert actions == [RetryAction.RETRY] * (DATABASE_TRIES - 1) + [RetryAction.FAIL]


def test_the_pauses_for_a_database_make_less_than_five_minutes() -> None:
    store = Store()
    decisions = [CallRetryPolicy(Retries()).evaluate(AWAY, 1, 20, {"task_state_store": store}) for _ in range(6)]
    seconds = sum(decision.retry_delay.total_seconds() for decision in decisions if decision.retry_delay)
    assert 180 < seconds < 300


def test_tries_that_were_killed_or_failed_for_another_reason_do_not_count() -> None:
    store = Store()
    assert decide(AWAY, 15, store) is RetryAction.RETRY
    assert decide(KeyError("bug"), 16, store) is RetryAction.RETRY
    lost = TikHubTransientError("lost", route=None)
    assert decide(lost, 17, store) is RetryAction.RETRY


def test_a_clear_begins_anew() -> None:
    store = Store()
    for number in range(1, 4):
        last = decide(KeyError("bug"), number, store)
    assert last is RetryAction.FAIL
    assert decide(KeyError("bug"), 4, store, max_tries=23) is RetryAction.RETRY


def test_without_airflows_store_all_tries_count() -> None:
    assert decide(KeyError("bug"), 2, None) is RetryAction.RETRY
    assert decide(KeyError("bug"), 3, None) is RetryAction.FAIL
