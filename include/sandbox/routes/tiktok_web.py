"""The web route for profiles."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from include.sandbox.envelope import ApiError
from include.sandbox.gate import admit, answer
from include.sandbox.shapes import web_user_info
from include.sandbox.state import sandbox_of

NO_SUCH_ACCOUNT = 10221

router = APIRouter(prefix="/api/v1/tiktok/web", dependencies=[Depends(admit)], tags=["TikHub"])


@router.get("/fetch_user_profile")
async def fetch_user_profile(request: Request, uniqueId: str = "", secUid: str = "") -> Response:  # noqa: N803
    """Return one profile by handle or secUid. An unknown account is a billed 200 with inner status 10221."""
    if not uniqueId and not secUid:
        raise ApiError(400)
    sandbox = sandbox_of(request)
    creator = sandbox.world.by_handle(uniqueId) if uniqueId else sandbox.world.by_sec_uid(secUid)
    if creator is None:
        return answer(request, {"statusCode": NO_SUCH_ACCOUNT, "statusMsg": "no such account", "userInfo": {}})
    timestamp = sandbox.timestamp()
    info = web_user_info(creator, sandbox.world.counts(creator, timestamp), timestamp)
    return answer(request, {"statusCode": 0, "userInfo": info})
