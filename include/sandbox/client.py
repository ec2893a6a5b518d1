"""Client of the sandbox's control routes, for tests and the demo."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import requests

_TIMEOUT_SECONDS = 10


class SandboxClient:
    """Control of a running sandbox, without proxies.

    Every method raises OSError if no server responds and ValueError if the sandbox rejects an argument.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def set_clock(self, now: datetime | str | None) -> None:
        """Stop the server's clock at an instant (UTC if it has no offset); None returns to real time."""
        self._switch(now=now.isoformat() if isinstance(now, datetime) else now)

    def set_faults(self, *rules: Mapping[str, Any]) -> None:
        """Replace the fault rules (fields of `faults.Rule`) and release held calls."""
        self._switch(faults=[dict(rule) for rule in rules])

    def set_rate_limit(self, per_second: int | None) -> None:
        """Set the calls per second of each route; None is no limit."""
        self._switch(per_second=per_second)

    def set_latency(self, seconds: float) -> None:
        """Set the delay before every API response."""
        self._switch(latency_seconds=seconds)

    def calls(self, route: str | None = None) -> list[dict[str, Any]]:
        """Return the API calls since the last `clear_calls`: number, route, path, params, status, billed."""
        found: list[dict[str, Any]] = self._send("GET", "/sandbox/calls")
        return [call for call in found if route in (None, call["route"])]

    def clear_calls(self) -> None:
        """Clear the call log."""
        self._send("DELETE", "/sandbox/calls")

    def creator(self, user_id: str) -> dict[str, Any]:
        """Return a creator's handle, nickname and exact counts at the server's time."""
        found: dict[str, Any] = self._send("GET", f"/sandbox/creators/{quote(user_id)}")
        return found

    def change_creator(self, user_id: str, **changes: Any) -> None:
        """Change `is_gone`, `handle` or `follower_count` of a creator; False and None undo a change."""
        self._send("PATCH", f"/sandbox/creators/{quote(user_id)}", changes)

    def clear(self) -> None:
        """Reset clock, calls, faults, limits and creators."""
        self._send("POST", "/sandbox/reset")

    def _switch(self, **switches: Any) -> None:
        self._send("PATCH", "/sandbox/switches", switches)

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            response = session.request(method, self.url + path, json=body, timeout=_TIMEOUT_SECONDS)
        if not response.ok:
            raise ValueError(f"{method} {path} returned HTTP {response.status_code}: {response.text}")
        return response.json() if response.content else None
