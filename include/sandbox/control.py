"""State of a running sandbox, and its control routes, which need no key and are not logged."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from include.sandbox.faults import Rule
from include.sandbox.world import CreatorChange, World

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


def refuse_web_pages(request: Request) -> None:
    """Reject requests that a web page in this machine's browser can send: of a foreign origin, or to a foreign name.

    A foreign name leads here when a web site's name resolves to this machine (DNS rebinding).
    """
    host = request.headers.get("host", "")
    if host_name(host) not in LOOPBACK_NAMES | request.app.state.allowed_hosts:
        raise HTTPException(421, "The Host header names another server; use 127.0.0.1, or start with --allowed-host.")
    if request.headers.get("origin", f"http://{host}") != f"http://{host}":
        raise HTTPException(403, "Web pages of other origins can't control the sandbox.")


def host_name(host: str) -> str | None:
    """Return the name in a Host header; None if it is invalid."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


router = APIRouter(prefix="/sandbox", tags=["sandbox control"], dependencies=[Depends(refuse_web_pages)])


@dataclass
class Call:
    """One API call.

    `status` is None while the call runs and if the client disconnected. `billed` is None if no complete response was
    sent, as TikHub's behaviour is unknown then.
    """

    number: int
    route: str
    path: str
    params: dict[str, str]
    status: int | None = None
    billed: bool | None = None


class RateLimiter:
    """Limit of calls per second and route, in real time. None is no limit."""

    def __init__(self, per_second: int | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._monotonic = monotonic
        self._recent: dict[str, deque[float]] = defaultdict(deque)

    def admits(self, route: str) -> bool:
        """Count a call and return True, unless the limit is reached."""
        if self._per_second is None:
            return True
        now = self._monotonic()
        recent = self._recent[route]
        while recent and recent[0] <= now - 1:
            recent.popleft()
        if len(recent) >= self._per_second:
            return False
        recent.append(now)
        return True


class Switches(BaseModel):
    """Settings that can change while the sandbox runs."""

    model_config = ConfigDict(extra="forbid")

    now: datetime | None = Field(default=None, description="Fixed time of the clock; None is real time.")
    faults: list[Rule] = Field(default=[], description="The first matching rule applies.")
    per_second: int | None = Field(default=None, ge=1, description="Calls per second of each route; None is no limit.")
    latency_seconds: float = Field(default=0, ge=0, description="Delay of every API response.")


class Sandbox:
    """World, calls and switches. One event loop uses them, so they need no lock."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        self.reset()

    def reset(self) -> None:
        """Restore the initial state."""
        self.calls: list[Call] = []
        self.switches = Switches()
        self.limiter = RateLimiter(None)
        self.world.changes.clear()

    def change(self, switches: Switches) -> None:
        """Apply the switches that are set."""
        changes = {name: getattr(switches, name) for name in switches.model_fields_set}
        self.switches = self.switches.model_copy(update=changes)
        if "per_second" in changes:
            self.limiter = RateLimiter(switches.per_second)

    def now(self) -> datetime:
        """Return the fixed time of the clock, or else the real time, in UTC."""
        now = self.switches.now or datetime.now(UTC)
        return now.replace(tzinfo=UTC) if now.tzinfo is None else now.astimezone(UTC)

    def log_call(self, path: str, params: Mapping[str, str]) -> Call:
        """Log the arrival of an API call."""
        call = Call(len(self.calls) + 1, path.rsplit("/", 1)[-1], path, dict(params))
        self.calls.append(call)
        return call

    def match_rule(self, call: Call) -> Rule:
        """Return the first rule that matches a call, and decrement its count."""
        rules = self.switches.faults
        rule = next((rule for rule in rules if rule.matches(call.route, call.params)), Rule(fault="none"))
        if rule.times is not None:
            rule.times -= 1
            if rule.times == 0:
                rules.remove(rule)
        return rule


def sandbox_of(request: Request) -> Sandbox:
    """Return the sandbox that serves a request."""
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


Served = Annotated[Sandbox, Depends(sandbox_of)]


@router.get("/clock")
async def get_clock(sandbox: Served) -> dict[str, Any]:
    """Return the server's time, and whether it is fixed."""
    return {"now": sandbox.now(), "is_virtual": sandbox.switches.now is not None}


@router.patch("/switches", status_code=204)
async def patch_switches(sandbox: Served, switches: Switches) -> None:
    """Change clock, faults, rate limit or latency. New faults release held calls."""
    sandbox.change(switches)


@router.get("/calls")
async def get_calls(sandbox: Served) -> list[Call]:
    """Return the API calls since the log was cleared."""
    return sandbox.calls


@router.delete("/calls", status_code=204)
async def delete_calls(sandbox: Served) -> None:
    """Clear the call log."""
    sandbox.calls = []


@router.get("/creators/{user_id}")
async def get_creator(sandbox: Served, user_id: str) -> dict[str, Any]:
    """Return a creator's handle, nickname and exact counts at the server's time."""
    creator = sandbox.world.find("uid", user_id)
    if creator is None:
        raise HTTPException(404, "No creator has this user_id.")
    timestamp = sandbox.now().timestamp()
    return {
        "handle": creator.handle,
        "nickname": creator.nickname,
        "follower_count": creator.followers.at(timestamp),
        "heart_count": creator.hearts.at(timestamp),
        "video_count": creator.videos.at(timestamp),
    }


@router.patch("/creators/{user_id}", status_code=204)
async def patch_creator(sandbox: Served, user_id: str, change: CreatorChange) -> None:
    """Remove, rename or pin a creator; fields absent from the body keep their values."""
    previous = sandbox.world.changes.get(user_id, CreatorChange())
    sandbox.world.changes[user_id] = previous.model_copy(update=change.model_dump(exclude_unset=True))


@router.post("/reset", status_code=204)
async def reset(sandbox: Served) -> None:
    """Reset clock, calls, faults, limits and creators."""
    sandbox.reset()
