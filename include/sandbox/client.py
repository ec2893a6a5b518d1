"""A small client of the control routes, for tests and for the demo."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

_TIMEOUT_SECONDS = 10


class SandboxClient:
    """Controls a running sandbox over plain HTTP, past any proxy.

    Every method raises OSError when no server answers and ValueError when the sandbox refuses what it was given.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._host = urlsplit(self.url).netloc

    def set_clock(self, now: datetime | str | None) -> None:
        """Let the server stand still at an instant (without offset: UTC); None returns to real time."""
        self._send("POST", "/sandbox/clock", {"now": now.isoformat() if isinstance(now, datetime) else now})

    def set_faults(self, *rules: Mapping[str, Any]) -> None:
        """Replace the fault rules; without any, drop them and let waiting calls go on."""
        if rules:
            self._send("PUT", "/sandbox/faults", [dict(rule) for rule in rules])
        else:
            self._send("DELETE", "/sandbox/faults")

    def faults(self) -> list[dict[str, Any]]:
        """Return the rules in force, `times` counted down."""
        found: list[dict[str, Any]] = self._send("GET", "/sandbox/faults")
        return found

    def set_rate_limit(self, per_second: int | None, retry_after: int | None = 1) -> None:
        """Allow so many calls a second on each route; None is no limit."""
        self._send("PUT", "/sandbox/rate_limit", {"per_second": per_second, "retry_after": retry_after})

    def set_latency(self, seconds: float) -> None:
        """Wait before every API answer."""
        self._send("PUT", "/sandbox/latency", {"seconds": seconds})

    def calls(self, route: str | None = None) -> list[dict[str, Any]]:
        """Return the API calls since the last clearing: number, route, path, params, status, billed."""
        found: list[dict[str, Any]] = self._send("GET", "/sandbox/calls")
        return [call for call in found if route in (None, call["route"])]

    def counters(self) -> dict[str, Any]:
        """Return totals of the API calls."""
        found: dict[str, Any] = self._send("GET", "/sandbox/counters")
        return found

    def clear_calls(self) -> None:
        """Forget the calls and keep everything else."""
        self._send("DELETE", "/sandbox/calls")

    def creator(self, user_id: str) -> dict[str, Any]:
        """Return the truth about a creator at the server's time."""
        found: dict[str, Any] = self._send("GET", f"/sandbox/creators/{quote(user_id)}")
        return found

    def change_creator(self, user_id: str, **changes: Any) -> dict[str, Any]:
        """Change `is_gone`, `handle` or `follower_count` of a creator; None undoes."""
        found: dict[str, Any] = self._send("PUT", f"/sandbox/creators/{quote(user_id)}", changes)
        return found

    def clear(self) -> None:
        """Return everything to what it was at the start: clock, calls, faults, limits, creators."""
        self._send("POST", "/sandbox/reset")

    def _send(self, method: str, path: str, body: Mapping[str, Any] | Sequence[Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        connection = HTTPConnection(self._host, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, path, data, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise ValueError(f"{method} {path} answered {response.status}: {text.decode()}")
        return json.loads(text) if text else None
