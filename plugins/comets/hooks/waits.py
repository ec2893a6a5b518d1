"""How long a server asks to wait."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# From here on a number is a moment, not a length: 10**8 seconds are three years. Milliseconds have more digits still.
_MOMENT_FROM = 10**8
_MILLISECONDS_FROM = 10**11


def wait_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait, never negative, uncapped; None when it does not say so intelligibly.

    `Retry-After` holds seconds or an HTTP date. `X-RateLimit-Reset` holds seconds from now or a moment as unix time, in
    seconds or milliseconds: TikHub's own client handles the first two.
    """
    wait = _parse_retry_after(headers.get("Retry-After", ""))
    return _parse_reset(headers.get("X-RateLimit-Reset", "")) if wait is None else wait


def _parse_retry_after(text: str) -> float | None:
    seconds = _parse_seconds(text)
    if seconds is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return _seconds_until(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _parse_reset(text: str) -> float | None:
    value = _parse_seconds(text)
    if value is None or value < _MOMENT_FROM:
        return value
    return _seconds_until(datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS_FROM else value, UTC))


def _parse_seconds(text: str) -> float | None:
    match = re.fullmatch(r"\s*([0-9]{1,13}(?:\.[0-9]{1,9})?)\s*", text)
    return float(match[1]) if match else None


def _seconds_until(moment: datetime) -> float:
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
