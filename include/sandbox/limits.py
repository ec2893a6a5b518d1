"""The rate limit: so many calls per second on each route."""

import time
from collections import defaultdict, deque
from collections.abc import Callable

from include.sandbox.envelope import ApiError


class RateLimiter:
    """Counts the calls of the last second by route. It runs on real time whatever the virtual clock says."""

    def __init__(self, per_second: int | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._start = per_second
        self._monotonic = monotonic
        self.set(per_second)

    def set(self, per_second: int | None, retry_after: int | None = 1) -> None:
        """Allow `per_second` calls; None switches the limit off. `retry_after` None sends no such header."""
        self.per_second = per_second
        self.retry_after = retry_after
        self._recent: dict[str, deque[float]] = defaultdict(deque)

    def reset(self) -> None:
        """Return to what the server was started with."""
        self.set(self._start)

    def admit(self, route: str) -> None:
        """Count one call.

        Raises:
            ApiError: 429, the limit is reached.
        """
        if self.per_second is None:
            return
        now = self._monotonic()
        recent = self._recent[route]
        while recent and recent[0] <= now - 1:
            recent.popleft()
        if len(recent) >= self.per_second:
            headers = None if self.retry_after is None else {"Retry-After": str(self.retry_after)}
            raise ApiError(429, headers=headers)
        recent.append(now)
