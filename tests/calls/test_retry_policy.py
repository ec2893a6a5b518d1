"""How long a call that keeps failing goes on."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import RetryAction

from comets.calls.retry_policy import GIVE_UP_SECONDS, RATE_LIMIT_REPLY_SECONDS, CallRetryPolicy
from comets.errors import TikHubError, TikHubRateLimitError, TikHubTransientError
from comets.settings import Retries
from comets.tikhub.hook import TikHubHook


def pauses(retries: Retries, error: TikHubError) -> list[float]:
    """Seconds between the tries of a call that always fails so, until it is given up."""
    found: list[float] = []
    for number in range(1, 50):
        error.failed_attempts = number
        decision = CallRetryPolicy(retries).evaluate(error, number, 20)
        if decision.action is RetryAction.FAIL:
            return found
        assert decision.retry_delay is not None
        found.append(decision.retry_delay.total_seconds())
    raise AssertionError("it is never given up")


def limited(retry_after: float | None) -> TikHubError:
    return TikHubRateLimitError("wait", route="/r", retry_after=retry_after)


TRANSIENT = TikHubTransientError("away", route="/r")

PATIENT: list[dict[str, Any]] = [
    {},
    {"delay_seconds": 300, "max_delay_seconds": 300},
    {"tries_per_call": 10, "rate_limit_tries": 20, "delay_seconds": 300, "max_delay_seconds": 300},
]


@pytest.mark.parametrize("settings", PATIENT)
def test_a_call_gives_up_within_five_minutes_whatever_is_configured(settings: dict[str, Any]) -> None:
    retries = Retries(**settings)
    for error, seconds in ((TRANSIENT, TikHubHook.timeout_seconds), (limited(86_400), RATE_LIMIT_REPLY_SECONDS)):
        waited = pauses(retries, error)
        assert sum(waited) + (len(waited) + 1) * seconds <= GIVE_UP_SECONDS + 0.001


def test_pauses_double_and_siblings_do_not_come_back_together() -> None:
    first, second = pauses(Retries(), TRANSIENT)
    assert 10 <= first <= 12.5
    assert 20 <= second <= 25
    assert len({pauses(Retries(), TRANSIENT)[0] for _ in range(20)}) > 1


@pytest.mark.parametrize(("asked", "waited"), [(0, 0), (7, 7), (60, 60), (61, 60), (86_400, 60)])
def test_the_time_that_was_asked_for_is_waited_up_to_a_cap(asked: float, waited: float) -> None:
    assert pauses(Retries(), limited(asked)) == [waited] * 4
