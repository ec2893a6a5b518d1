"""The server's idea of now: real time, or an instant at which it stands still."""

from datetime import UTC, datetime


def as_utc(moment: datetime) -> datetime:
    """Return the same instant in UTC; a time without an offset is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class VirtualClock:
    """Tells the time of every answer. A set clock stands still, so that the same question gets the same answer."""

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start
        self._now: datetime | None = None
        self.set(start)

    def set(self, moment: datetime | None) -> None:
        """Stand still at `moment`; None returns to real time."""
        self._now = None if moment is None else as_utc(moment)

    def reset(self) -> None:
        """Return to what the server was started with."""
        self.set(self._start)

    @property
    def is_virtual(self) -> bool:
        """Whether the clock stands still at a set time."""
        return self._now is not None

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return self._now or datetime.now(UTC)

    def timestamp(self) -> float:
        """Return the present instant in unix seconds."""
        return self.now().timestamp()
