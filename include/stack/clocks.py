"""Clocks of other machines, compared with this one."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple


class Clock(NamedTuple):
    """A clock's offset from this machine's, positive if it is ahead, and its maximum error; in seconds."""

    offset: float
    error: float

    @property
    def surplus(self) -> float:
        """The part of the offset that no delay of the answer explains."""
        return max(0.0, abs(self.offset) - self.error)


def compare_clock(shown: datetime, sent_at: datetime, resolution: float = 0) -> Clock:
    """Compare the time in an answer that has just arrived.

    :param sent_at: when the request was sent, by this machine's clock.
    :param resolution: seconds that the answer cuts off.
    """
    received_at = datetime.now(UTC)
    middle = sent_at + (received_at - sent_at) / 2
    error = ((received_at - sent_at).total_seconds() + resolution) / 2
    return Clock((shown - middle).total_seconds() + resolution / 2, error)


def compare_date_header(value: str | None, sent_at: datetime) -> Clock | None:
    """Compare the HTTP header `Date`, which has whole seconds; None if it is absent or invalid."""
    try:
        shown = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    return compare_clock(shown if shown.tzinfo else shown.replace(tzinfo=UTC), sent_at, resolution=1)
