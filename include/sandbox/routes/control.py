"""The routes that control the sandbox itself. They need no key and are not logged."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from include.sandbox import NOTICE
from include.sandbox.calls import Call
from include.sandbox.creators import Creator
from include.sandbox.envelope import SandboxResponse
from include.sandbox.faults import FaultRule
from include.sandbox.state import Sandbox, sandbox_of
from include.sandbox.world import CreatorChange

router = APIRouter(prefix="/sandbox", tags=["sandbox control"])
root_router = APIRouter(tags=["sandbox control"])


class ControlModel(BaseModel):
    """Base of what the control routes take: unknown names are refused, so that a typing error is seen."""

    model_config = ConfigDict(extra="forbid")


class ClockSetting(ControlModel):
    """An instant to stand still at, or null for real time."""

    now: datetime | None


class RateLimit(ControlModel):
    """Calls per second and route, or null for no limit; `retry_after` null sends no such header."""

    per_second: int | None = Field(ge=1)
    retry_after: int | None = Field(default=1, ge=0)


class Latency(ControlModel):
    """Seconds waited before every API answer."""

    seconds: float = Field(ge=0)


class CreatorSetting(ControlModel):
    """What to change about a creator; names left out stay as they are, null undoes."""

    is_gone: bool | None = None
    handle: str | None = Field(default=None, min_length=1)
    follower_count: int | None = Field(default=None, ge=0)


class CreatorView(BaseModel):
    """A creator as it truly is at the server's time."""

    user_id: str
    sec_uid: str
    handle: str
    nickname: str
    follower_count: int
    heart_count: int
    video_count: int
    trend: str
    search_count: str
    is_gone: bool


@root_router.get("/")
async def home(request: Request) -> dict[str, Any]:
    """Say what this server is."""
    return {"notice": NOTICE, "now": sandbox_of(request).now(), "control": "/docs"}


@router.get("/clock")
async def get_clock(request: Request) -> dict[str, Any]:
    """Return the server's time."""
    clock = sandbox_of(request).clock
    return {"now": clock.now(), "is_virtual": clock.is_virtual}


@router.post("/clock")
async def set_clock(request: Request, setting: ClockSetting) -> dict[str, Any]:
    """Set the server's time."""
    sandbox_of(request).clock.set(setting.now)
    return await get_clock(request)


@router.get("/calls")
async def get_calls(request: Request) -> list[Call]:
    """Return the API calls since the last clearing."""
    return sandbox_of(request).calls.all()


@router.get("/counters")
async def get_counters(request: Request) -> dict[str, Any]:
    """Return totals of the API calls."""
    return sandbox_of(request).calls.counters()


@router.delete("/calls", status_code=204)
async def delete_calls(request: Request) -> None:
    """Forget the calls."""
    sandbox_of(request).calls.clear()


@router.get("/faults")
async def get_faults(request: Request) -> Response:
    """Return the rules in force with what is left of their times."""
    # Not through FastAPI's own response: a rule's rows may hold text that UTF-8 cannot.
    return SandboxResponse([rule.model_dump() for rule in sandbox_of(request).faults.all()])


@router.put("/faults")
async def put_faults(request: Request, rules: list[FaultRule]) -> Response:
    """Replace the rules by which calls go wrong."""
    sandbox_of(request).faults.set(rules)
    return await get_faults(request)


@router.delete("/faults", status_code=204)
async def delete_faults(request: Request) -> None:
    """Drop all rules and let waiting calls go on."""
    sandbox = sandbox_of(request)
    sandbox.faults.set([])
    sandbox.release()


@router.put("/rate_limit")
async def put_rate_limit(request: Request, limit: RateLimit) -> RateLimit:
    """Set or lift the rate limit."""
    sandbox_of(request).limiter.set(limit.per_second, limit.retry_after)
    return limit


@router.put("/latency")
async def put_latency(request: Request, latency: Latency) -> Latency:
    """Set what every API answer waits."""
    sandbox_of(request).latency_seconds = latency.seconds
    return latency


@router.get("/creators/{user_id}")
async def get_creator(request: Request, user_id: str) -> CreatorView:
    """Return the truth about a creator, also about a gone one."""
    sandbox = sandbox_of(request)
    change = sandbox.world.change(user_id)
    creator = sandbox.world.by_uid(user_id, with_gone=True)
    if creator is None:
        raise HTTPException(404, "There is no creator with this user_id.")
    return _view(sandbox, creator, change)


@router.put("/creators/{user_id}")
async def put_creator(request: Request, user_id: str, setting: CreatorSetting) -> CreatorView:
    """Remove, rename or pin a creator."""
    world = sandbox_of(request).world
    if world.by_uid(user_id, with_gone=True) is None:
        raise HTTPException(404, "There is no creator with this user_id.")
    change = world.change(user_id)
    for name in setting.model_fields_set:
        value = getattr(setting, name)
        setattr(change, name, bool(value) if name == "is_gone" else value)
    world.set_change(user_id, change)
    return await get_creator(request, user_id)


@router.post("/reset", status_code=204)
async def reset(request: Request) -> None:
    """Return clock, calls, faults, limits and creators to what they were at the start."""
    sandbox_of(request).reset()


def _view(sandbox: Sandbox, creator: Creator, change: CreatorChange) -> CreatorView:
    counts = sandbox.world.counts(creator, sandbox.timestamp())
    return CreatorView(
        user_id=creator.uid,
        sec_uid=creator.sec_uid,
        handle=creator.handle,
        nickname=creator.nickname,
        follower_count=counts.followers,
        heart_count=counts.hearts,
        video_count=counts.videos,
        trend=creator.followers.trend,
        search_count=creator.search_count,
        is_gone=change.is_gone,
    )
