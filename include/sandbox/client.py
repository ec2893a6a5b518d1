"""A client of the control routes, for tests and for the demo."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import requests

_TIMEOUT_SECONDS = 10


class SandboxClient:
    """Controls a running sandbox, past any proxy.

    Every method raises OSError when no server answers and ValueError when the sandbox refuses an argument.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def set_clock(self, now: datetime | str | None) -> None:
        """Let the server stand still at an instant (without offset: UTC); None returns to real time."""
        self._switch(now=now.isoformat() if isinstance(now, datetime) else now)

    def set_faults(self, *rules: Mapping[str, Any]) -> None:
        """Replace the fault rules (the fields of `faults.Rule`) and let held calls go on."""
        self._switch(faults=[dict(rule) for rule in rules])

    def set_rate_limit(self, per_second: int | None) -> None:
        """Allow so many calls a second on each route; None is no limit."""
        self._switch(per_second=per_second)

    def set_latency(self, seconds: float) -> None:
        """Wait before every API answer."""
        self._switch(latency_seconds=seconds)

    def calls(self, route: str | None = None) -> list[dict[str, Any]]:
        """Return the API calls since the last clearing: number, route, path, params, status, billed."""
        found: list[dict[str, Any]] = self._send("GET", "/sandbox/calls")
        return [call for call in found if route in (None, call["route"])]

    def clear_calls(self) -> None:
        """Delete the log of the calls and keep everything else."""
        self._send("DELETE", "/sandbox/calls")

    def creator(self, user_id: str) -> dict[str, Any]:
        """Return a creator's handle, nickname and exact counts at the server's time."""
        found: dict[str, Any] = self._send("GET", f"/sandbox/creators/{quote(user_id)}")
        return found

    def change_creator(self, user_id: str, **changes: Any) -> None:
        """Change `is_gone`, `handle` or `follower_count` of a creator; False and None undo."""
        self._send("PATCH", f"/sandbox/creators/{quote(user_id)}", changes)

    def clear(self) -> None:
        """Return clock, calls, faults, limits and creators to their state at the start."""
        self._send("POST", "/sandbox/reset")

    def _switch(self, **switches: Any) -> None:
        self._send("PATCH", "/sandbox/switches", switches)

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            response = session.request(method, self.url + path, json=body, timeout=_TIMEOUT_SECONDS)
        if not response.ok:
            raise ValueError(f"{method} {path} answered {response.status_code}: {response.text}")
        return response.json() if response.content else None
