"""TikHub's envelopes (the reference's sections 1.1 and 1.2): success, error with its leaky echo, validation error."""

import json
import uuid
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from include.sandbox.dice import digest

_LOS_ANGELES = ZoneInfo("America/Los_Angeles")
_SUPPORT = "https://support.sandbox.example"

_MESSAGES = {
    200: "Request successful. This answer is made up by the sandbox.",
    400: "Request failed, please try again: the arguments may be wrong or the platform did not answer. Not charged.",
    401: "The API key is missing or not valid.",
    402: "The balance is used up, or this endpoint does not take free credit.",
    403: "This API key may not use this endpoint, or the e-mail address is not verified.",
    429: "Too many requests: slow down.",
    500: "Internal server error.",
    502: "The platform could not be reached.",
    503: "The service is not available for the moment.",
}


class SandboxResponse(Response):
    """JSON in UTF-8. Text that UTF-8 cannot hold (half a surrogate pair) is escaped, as real servers send it."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        try:
            return json.dumps(content, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            return json.dumps(content, ensure_ascii=True).encode("ascii")


class ApiError(Exception):
    """Ends a call with TikHub's error body."""

    def __init__(self, status: int, message: str | None = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.headers = headers


def los_angeles_time(now: datetime) -> str:
    """Return the wall time that TikHub's `time` shows, without an offset as there."""
    return now.astimezone(_LOS_ANGELES).strftime("%Y-%m-%d %H:%M:%S")


def success(request: Request, data: Any, now: datetime) -> dict[str, Any]:
    """Return the envelope of an answer. `params` echoes what was sent, as text."""
    request_id = str(uuid.uuid4())
    return {
        "code": 200,
        "request_id": request_id,
        "message": _MESSAGES[200],
        "message_zh": "请求成功。",
        "support": _SUPPORT,
        "time": los_angeles_time(now),
        "time_stamp": int(now.timestamp()),
        "time_zone": "America/Los_Angeles",
        "docs": f"{_SUPPORT}/docs",
        "cache_message": "This answer can be read again for 24 hours at cache_url.",
        "cache_message_zh": "缓存24小时。",
        "cache_url": f"https://cache.sandbox.example/api/v1/cache/public/{request_id}?sign={digest(request_id):016x}",
        "router": request.url.path,
        "params": dict(request.query_params),
        "data": data,
    }


def error_body(request: Request, status: int, message: str | None, now: datetime) -> dict[str, Any]:
    """Return the body of a failed call. Like the real one it echoes the request's headers, API key included."""
    return {
        "detail": {
            "code": status,
            "request_id": str(uuid.uuid4()),
            "message": message or _MESSAGES.get(status, "Request failed."),
            "message_zh": "请求失败。",
            "support": _SUPPORT,
            "time": los_angeles_time(now),
            "docs": f"{_SUPPORT}/docs",
            "router": request.url.path,
            "params": dict(request.query_params),
            "headers": dict(request.headers),
        }
    }


def validation_body(location: list[str | int], message: str, kind: str) -> dict[str, Any]:
    """Return the body of a 422: a list, unlike that of all other errors."""
    return {"detail": [{"loc": location, "msg": message, "type": kind}]}


def error_response(request: Request, error: ApiError, now: datetime) -> Response:
    """Return the reply that an error stands for; 404 and 405 have plain text, 422 a list."""
    return SandboxResponse(_failed(request, error, now), status_code=error.status, headers=error.headers)


def _failed(request: Request, error: ApiError, now: datetime) -> dict[str, Any]:
    if error.status == 404:
        return {"detail": error.message or "Not Found"}
    if error.status == 405:
        return {"detail": error.message or "Method Not Allowed"}
    if error.status == 422:
        return validation_body(["query"], error.message or "Input should be valid", "value_error")
    return error_body(request, error.status, error.message, now)
