"""The routes that control the sandbox itself. They need no key and are not logged."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, HTTPException

from include.sandbox.creators import Creator
from include.sandbox.faults import Rule
from include.sandbox.state import Call, RateLimiter, Sandbox, sandbox_of
from include.sandbox.world import CreatorChange

Served = Annotated[Sandbox, Depends(sandbox_of)]

router = APIRouter(prefix="/sandbox", tags=["sandbox control"])


@router.get("/clock")
async def get_clock(sandbox: Served) -> dict[str, Any]:
    """Return the server's time, and whether it stands still."""
    return {"now": sandbox.now(), "is_virtual": sandbox.set_now is not None}


@router.put("/clock", status_code=204)
async def put_clock(sandbox: Served, now: Annotated[datetime | None, Body(embed=True)]) -> None:
    """Let the server stand still at an instant; null returns to real time."""
    sandbox.set_now = now


@router.get("/calls")
async def get_calls(sandbox: Served) -> list[Call]:
    """Return the API calls since the last clearing."""
    return sandbox.calls


@router.delete("/calls", status_code=204)
async def delete_calls(sandbox: Served) -> None:
    """Delete the log of the calls."""
    sandbox.calls = []


@router.put("/faults", status_code=204)
async def put_faults(sandbox: Served, rules: list[Rule]) -> None:
    """Replace the fault rules and let held calls go on."""
    sandbox.rules = rules


@router.put("/rate_limit", status_code=204)
async def put_rate_limit(sandbox: Served, per_second: Annotated[int | None, Body(embed=True, ge=1)]) -> None:
    """Allow so many calls a second on each route; null is no limit."""
    sandbox.limiter = RateLimiter(per_second)


@router.put("/latency", status_code=204)
async def put_latency(sandbox: Served, seconds: Annotated[float, Body(embed=True, ge=0)]) -> None:
    """Set how long every API answer takes."""
    sandbox.latency_seconds = seconds


@router.get("/creators/{user_id}")
async def get_creator(sandbox: Served, user_id: str) -> dict[str, Any]:
    """Return a creator's handle, nickname and exact counts at the server's time."""
    creator = _existing(sandbox, user_id)
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
    """Remove, rename or pin a creator; what the body does not name stays as it is."""
    changes = sandbox.world.changes
    previous = changes.pop(user_id, CreatorChange())
    _existing(sandbox, user_id)
    changes[user_id] = previous.model_copy(update=change.model_dump(exclude_unset=True))


@router.post("/reset", status_code=204)
async def reset(sandbox: Served) -> None:
    """Return clock, calls, faults, limits and creators to their state at the start."""
    sandbox.reset()


def _existing(sandbox: Sandbox, user_id: str) -> Creator:
    creator = sandbox.world.find("uid", user_id)
    if creator is None:
        raise HTTPException(404, "No present creator has this user_id.")
    return creator
