"""The app routes: video search and profile."""

from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from include.sandbox.creators import Creator
from include.sandbox.dice import digest
from include.sandbox.envelope import ApiError
from include.sandbox.gate import admit, answer, page_offset
from include.sandbox.shapes import app_user, card_row, video_row
from include.sandbox.state import Sandbox, sandbox_of
from include.sandbox.videos import Video
from include.sandbox.world import Card, Result, SearchQuery, World

PUBLISH_TIMES = (0, 1, 7, 30, 90, 180)

router = APIRouter(prefix="/api/v1/tiktok/app/v3", dependencies=[Depends(admit)], tags=["TikHub"])


@router.get("/fetch_video_search_result")
async def fetch_video_search_result(
    request: Request,
    keyword: str,
    offset: int = 0,
    count: int = 20,
    sort_type: int = 0,
    publish_time: int = 0,
    region: str = "US",
) -> Response:
    """Search videos. The cursor is offset + count, however many rows come back."""
    if not keyword.strip() or offset < 0 or count < 1 or publish_time not in PUBLISH_TIMES:
        raise ApiError(400)
    sandbox = sandbox_of(request)
    timestamp = sandbox.timestamp()
    results = sandbox.world.search(SearchQuery(keyword, sort_type, publish_time, region), timestamp)
    start = page_offset(request, offset)
    data = {
        "status_code": 0,
        "version": "v2",
        "feedback_type": "video",
        "aweme_list": [],
        "search_item_list": _rows(sandbox.world, results[start : start + count], timestamp),
        "cursor": offset + count,
        "has_more": 1 if offset + count < len(results) else 0,
        **_search_trace(sandbox, keyword, offset),
    }
    return answer(request, data, offset)


def _rows(world: World, results: list[Result], timestamp: float) -> list[dict[str, Any]]:
    rows = []
    for result in results:
        if isinstance(result, Video):
            rows.append(video_row(result, world.counts(result.creator, timestamp), timestamp))
        elif isinstance(result, Card):
            rows.append(card_row(result.title))
    return rows


def _search_trace(sandbox: Sandbox, keyword: str, offset: int) -> dict[str, Any]:
    now = sandbox.now()
    trace = f"{now:%Y%m%d%H%M%S}{digest(keyword, offset):016X}"
    return {
        "log_pb": {"impr_id": trace},
        "extra": {"logid": trace, "now": int(now.timestamp() * 1000), "search_request_id": ""},
        "global_doodle_config": {"keyword": keyword, "hide_results": False, "tns_search_result": ""},
    }


@router.get("/handler_user_profile")
async def handler_user_profile(
    request: Request, sec_user_id: str = "", user_id: str = "", unique_id: str = ""
) -> Response:
    """Return one profile with exact counts, by the first identifier given. Unknown accounts get an ambiguous 400."""
    sandbox = sandbox_of(request)
    creator = _find(sandbox.world, sec_user_id, user_id, unique_id)
    if creator is None:
        raise ApiError(400)
    timestamp = sandbox.timestamp()
    user = app_user(creator, sandbox.world.counts(creator, timestamp), timestamp)
    return answer(request, {"status_code": 0, "user": user})


def _find(world: World, sec_user_id: str, user_id: str, unique_id: str) -> Creator | None:
    if sec_user_id:
        return world.by_sec_uid(sec_user_id)
    return world.by_uid(user_id) if user_id else world.by_handle(unique_id)
