"""TikHub's routes: video search, profile and account, with the configured faults."""

import asyncio
import json
import time
import uuid
from http import HTTPStatus
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from include.sandbox.control import Call, sandbox_of
from include.sandbox.faults import Json, Rule
from include.sandbox.shapes import profile_user, search_row

_LOS_ANGELES = ZoneInfo("America/Los_Angeles")
_POLL_SECONDS = 0.02
_CLIENT_CLOSED = 499
_FLAKED = "Request failed, please try again: the arguments may be wrong or the platform did not answer. Not charged."

router = APIRouter(prefix="/api/v1", tags=["TikHub"])


class Utf8Response(JSONResponse):
    """JSON in UTF-8; lone surrogates are escaped, as real servers send them."""

    def render(self, content: Any) -> bytes:
        try:
            return super().render(content)
        except UnicodeEncodeError:
            return json.dumps(content).encode()


class CutResponse(Utf8Response):
    """A response that ends after half of its body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})


def failure(request: Request, status: int, headers: dict[str, str] | None = None) -> HTTPException:
    """Log a call as failed and return the exception with the body of the real API.

    The body echoes the request's headers with the API key; 404 and 405 have plain text, 422 a list.
    """
    call: Call = request.state.call
    call.status, call.billed = status, False
    if status in (404, 405):
        return HTTPException(status)
    if status == 422:
        return HTTPException(status, [{"loc": ["query"], "msg": "Input should be valid", "type": "value_error"}])
    detail = _common_fields(request, status, _FLAKED if status == 400 else HTTPStatus(status).phrase)
    return HTTPException(status, detail | {"headers": dict(request.headers)}, headers)


def _common_fields(request: Request, code: int, message: str) -> Json:
    return {
        "code": code,
        "request_id": str(uuid.uuid4()),
        "message": message,
        # Local time without an offset, as TikHub sends it.
        "time": sandbox_of(request).now().astimezone(_LOS_ANGELES).strftime("%Y-%m-%d %H:%M:%S"),
        "router": request.url.path,
        "params": dict(request.query_params),
    }


async def accept_call(request: Request) -> Rule:
    """Log a call, apply latency, key check and rate limit, and return its fault rule.

    Raises:
        HTTPException: the call is rejected, its rule is a status, or the client disconnected.
    """
    sandbox = sandbox_of(request)
    call = sandbox.log_call(request.url.path, request.query_params)
    request.state.call = call
    await asyncio.sleep(sandbox.switches.latency_seconds)
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not key:
        raise failure(request, 401)
    if not sandbox.limiter.admits(call.path):
        raise failure(request, 429, {"Retry-After": "1"})
    rule = sandbox.match_rule(call)
    if rule.fault == "timeout":
        await _delay(request, rule.delay)
    if rule.fault == "status":
        headers = None if rule.retry_after is None else {"Retry-After": str(rule.retry_after)}
        raise failure(request, rule.status, headers)
    return rule


AppliedRule = Annotated[Rule, Depends(accept_call)]


async def _delay(request: Request, seconds: float) -> None:
    """Wait for a time or until the rules are replaced; raise HTTPException if the client disconnects."""
    sandbox = sandbox_of(request)
    rules = sandbox.switches.faults
    end = time.monotonic() + seconds
    while not await request.is_disconnected():
        if time.monotonic() > end or sandbox.switches.faults is not rules:
            return
        await asyncio.sleep(_POLL_SECONDS)
    raise HTTPException(_CLIENT_CLOSED, "The client disconnected.")


def respond(request: Request, rule: Rule, data: Json, offset: int = 0) -> Response:
    """Log a call as successful and return `data` in the success envelope, changed by the call's rule."""
    now = sandbox_of(request).now()
    envelope = _common_fields(request, 200, "Request successful. This response is made up by the sandbox.")
    envelope |= {
        "time_stamp": int(now.timestamp()),
        "time_zone": "America/Los_Angeles",
        "cache_url": f"https://cache.sandbox.example/api/v1/cache/public/{envelope['request_id']}?sign=0123456789abcdef",
        "data": rule.change_data(data, offset),
    }
    call: Call = request.state.call
    call.status, call.billed = 200, True
    match rule.fault:
        case "html":
            call.status, call.billed = rule.status, False
            key = request.headers["authorization"]
            page = f"<!DOCTYPE html><html><h1>Error {rule.status}</h1><pre>Authorization: {key}</pre></html>"
            return HTMLResponse(page, rule.status)
        case "redirect":
            call.status, call.billed = 302, False
            return RedirectResponse("http://elsewhere.sandbox.example/login", 302)
        case "cut_body":
            call.billed = None
            return CutResponse(envelope)
        case "invalid_json":
            # A missing end would look like a cut body.
            return Response(bytes(Utf8Response(envelope).body[:-1]) + b", oops", media_type="application/json")
        case "long_body":
            envelope["padding"] = "x" * rule.extra
    return Utf8Response(envelope)


@router.get("/tiktok/app/v3/fetch_video_search_result")
async def fetch_video_search_result(
    request: Request,
    rule: AppliedRule,
    keyword: str,
    offset: int = 0,
    count: int = 20,
    publish_time: int = 0,
    region: str = "US",
) -> Response:
    """Search videos. The cursor is offset + count, regardless of the number of rows."""
    sandbox = sandbox_of(request)
    timestamp = sandbox.now().timestamp()
    results = sandbox.world.search(keyword, publish_time, region, timestamp)
    start = 0 if rule.fault == "repeated_page" else offset
    data = {
        "status_code": 0,
        "aweme_list": [],
        "search_item_list": [
            search_row(result, timestamp) for result in results[start : start + count] if result is not None
        ],
        "cursor": offset + count,
        "has_more": 1 if offset + count < len(results) else 0,
    }
    return respond(request, rule, data, offset)


@router.get("/tiktok/app/v3/handler_user_profile")
async def handler_user_profile(
    request: Request, rule: AppliedRule, sec_user_id: str = "", user_id: str = "", unique_id: str = ""
) -> Response:
    """Return one profile by the first identifier given. Unknown accounts return an ambiguous 400."""
    sandbox = sandbox_of(request)
    world = sandbox.world
    if sec_user_id:
        creator = world.find("sec_uid", sec_user_id)
    else:
        creator = world.find("uid", user_id) if user_id else world.find("handle", unique_id)
    if creator is None:
        raise failure(request, 400)
    return respond(request, rule, {"status_code": 0, "user": profile_user(creator, sandbox.now().timestamp())})


@router.get("/tikhub/user/get_user_info", dependencies=[Depends(accept_call)])
async def get_user_info(request: Request) -> Json:
    """Return the account, free of charge. Unlike TikHub's other responses it has no `data`."""
    call: Call = request.state.call
    call.status, call.billed = 200, False
    return {
        "code": 200,
        "router": request.url.path,
        "user_data": {"email": "account@sandbox.example", "balance": 5.0, "free_credit": 0.1},
    }
