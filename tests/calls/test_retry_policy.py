"""Delays and time limit of a call that keeps failing."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import RetryAction

from comets.calls.retry_policy import GIVE_UP_SECONDS, RATE_LIMIT_RESPONSE_SECONDS, CallRetryPolicy
from comets.errors import TikHubError, TikHubRateLimitError, TikHubTransientError
from comets.settings import Retries
from comets.tikhub.hook import TikHubHook


def retry_delays(retries: Retries, error: TikHubError) -> list[float]:
    """Return the delays in seconds between the attempts of a call that always fails with this error."""
    delays: list[float] = []
    for number in range(1, 50):
        error.failed_attempts = number
        decision = CallRetryPolicy(retries).evaluate(error, number, 20)
        if decision.action is RetryAction.FAIL:
            return delays
        assert decision.retry_delay is not None
        delays.append(decision.retry_delay.total_seconds())
    raise AssertionError("the call is never given up")


def rate_limit_error(retry_after: float | None) -> TikHubError:
    return TikHubRateLimitError("wait", route="/r", retry_after=retry_after)


TRANSIENT = TikHubTransientError("unavailable", route="/r")

RETRY_SETTINGS: list[dict[str, Any]] = [
    {},
    {"delay_seconds": 300, "max_delay_seconds": 300},
    {"tries_per_call": 10, "rate_limit_tries": 20, "delay_seconds": 300, "max_delay_seconds": 300},
]


@pytest.mark.parametrize("settings", RETRY_SETTINGS)
def test_call_is_given_up_within_five_minutes_with_any_settings(settings: dict[str, Any]) -> None:
    retries = Retries(**settings)
    for error, seconds in (
        (TRANSIENT, TikHubHook.timeout_seconds),
        (rate_limit_error(86_400), RATE_LIMIT_RESPONSE_SECONDS),
    ):
        delays = retry_delays(retries, error)
        assert sum(delays) + (len(delays) + 1) * seconds <= GIVE_UP_SECONDS + 0.001


def test_delays_double_and_have_jitter() -> None:
    first, second = retry_delays(Retries(), TRANSIENT)
    assert 10 <= first <= 12.5
    assert 20 <= second <= 25
    assert len({retry_delays(Retries(), TRANSIENT)[0] for _ in range(20)}) > 1


@pytest.mark.parametrize(("retry_after", "delay"), [(0, 0), (7, 7), (60, 60), (61, 60), (86_400, 60)])
def test_retry_after_is_capped(retry_after: float, delay: float) -> None:
    assert retry_delays(Retries(), rate_limit_error(retry_after)) == [delay] * 4
