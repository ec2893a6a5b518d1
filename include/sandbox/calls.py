"""What was called, and what it would have cost."""

from collections import Counter, deque
from typing import Any

from pydantic import BaseModel

_KEPT = 50_000
_FREE_ROUTES = frozenset({"get_user_info", "get_user_daily_usage", "check"})


class Call(BaseModel):
    """One API call. `status` is null while it runs and when the caller left before an answer.

    `billed` is null when the real server's behaviour is unknown: no complete answer was sent.
    """

    number: int
    route: str
    path: str
    params: dict[str, str]
    status: int | None = None
    billed: bool | None = None

    def answered(self, status: int) -> None:
        """Note the status; only a success on a priced route costs anything."""
        self.status = status
        self.billed = status == 200 and self.route not in _FREE_ROUTES


class CallLog:
    """The calls since the last clearing, the oldest dropped after many thousands; counters cover all of them."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all calls."""
        self._calls: deque[Call] = deque(maxlen=_KEPT)
        self._count = 0
        self._open = 0
        self._peak = 0

    def begin(self, path: str, params: dict[str, str]) -> Call:
        """Note a call on its arrival."""
        self._count += 1
        self._open += 1
        self._peak = max(self._peak, self._open)
        call = Call(number=self._count, route=path.rsplit("/", 1)[-1], path=path, params=params)
        self._calls.append(call)
        return call

    def end(self) -> None:
        """Note that a call is over, however it ended."""
        self._open = max(0, self._open - 1)

    def all(self) -> list[Call]:
        """Return the calls in the order of their arrival."""
        return list(self._calls)

    def counters(self) -> dict[str, Any]:
        """Return totals over the kept calls, and how many calls ran at once at most."""
        return {
            "total": self._count,
            "billed": sum(call.billed is True for call in self._calls),
            "unknown": sum(call.billed is None for call in self._calls),
            "most_at_once": self._peak,
            "by_route": dict(Counter(call.route for call in self._calls)),
            "by_status": dict(Counter(str(call.status) for call in self._calls)),
        }
