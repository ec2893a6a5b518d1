"""The routes that control the sandbox itself. They need no key and are not logged."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException

from include.sandbox.state import Call, Sandbox, Switches, sandbox_of
from include.sandbox.world import CreatorChange

Served = Annotated[Sandbox, Depends(sandbox_of)]

router = APIRouter(prefix="/sandbox", tags=["sandbox control"])


@router.get("/clock")
async def get_clock(sandbox: Served) -> dict[str, Any]:
    """Return the server's time, and whether it stands still."""
    return {"now": sandbox.now(), "is_virtual": sandbox.switches.now is not None}


@router.patch("/switches", status_code=204)
async def patch_switches(sandbox: Served, switches: Switches) -> None:
    """Change clock, faults, rate limit or latency. Other faults let held calls go on."""
    sandbox.change(switches)


@router.get("/calls")
async def get_calls(sandbox: Served) -> list[Call]:
    """Return the API calls since the last clearing."""
    return sandbox.calls


@router.delete("/calls", status_code=204)
async def delete_calls(sandbox: Served) -> None:
    """Delete the log of the calls."""
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
    """Remove, rename or pin a creator; what the body does not name stays as it is."""
    previous = sandbox.world.changes.get(user_id, CreatorChange())
    sandbox.world.changes[user_id] = previous.model_copy(update=change.model_dump(exclude_unset=True))


@router.post("/reset", status_code=204)
async def reset(sandbox: Served) -> None:
    """Return clock, calls, faults, limits and creators to their state at the start."""
    sandbox.reset()
