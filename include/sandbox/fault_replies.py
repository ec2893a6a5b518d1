"""What a faulty call gets: a reply instead of the answer, changed data, or a spoilt body."""

from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from include.sandbox.envelope import ApiError, SandboxResponse
from include.sandbox.faults import (
    CutBodyFault,
    EmptyPageFault,
    FaultRule,
    HasMoreFault,
    HtmlFault,
    InnerStatusFault,
    InvalidJsonFault,
    ItemsFault,
    LongBodyFault,
    OddItemsFault,
    RedirectFault,
    StatusFault,
    StuckCursorFault,
)
from include.sandbox.odd_items import odd_rows, odd_user

Json = dict[str, Any]


class CutResponse(SandboxResponse):
    """Promises the whole body, sends half of it and lets the server close the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})


def reply_instead(rule: FaultRule, request: Request) -> Response | None:
    """Return the reply that takes the place of an answer; None when the rule only changes the answer.

    Raises:
        ApiError: the rule asks for an HTTP status.
    """
    if isinstance(rule, StatusFault):
        headers = None if rule.retry_after is None else {"Retry-After": str(rule.retry_after)}
        raise ApiError(rule.status, rule.message, headers)
    if isinstance(rule, HtmlFault):
        return HTMLResponse(_html(rule.status, request), status_code=rule.status)
    if isinstance(rule, RedirectFault):
        return RedirectResponse(rule.location, status_code=rule.status)
    return None


def _html(status: int, request: Request) -> str:
    header = escape(request.headers.get("authorization", ""))
    return (
        f"<!DOCTYPE html><html><head><title>{status} | sandbox CDN</title></head><body><h1>Error {status}</h1>"
        f"<p>The origin did not answer as expected.</p><pre>Authorization: {header}</pre></body></html>"
    )


def changed_data(rule: FaultRule, data: Json, offset: int) -> Json:
    """Return the data of an answer as the rule spoils them."""
    if isinstance(rule, InnerStatusFault):
        return _inner_status(rule.status, data)
    if isinstance(rule, OddItemsFault) and "user" in data:
        return data | {"user": odd_user(data["user"], rule.kinds)}
    if "search_item_list" not in data:
        return data
    return data | _page_changes(rule, data, offset)


def _inner_status(status: int, data: Json) -> Json:
    name, text = ("statusCode", "statusMsg") if "statusCode" in data else ("status_code", "status_msg")
    return {name: status, text: f"failed with {status}"}


def _page_changes(rule: FaultRule, data: Json, offset: int) -> Json:
    if isinstance(rule, StuckCursorFault):
        return {"cursor": offset, "has_more": 1}
    if isinstance(rule, EmptyPageFault):
        return {"search_item_list": [], "has_more": 1}
    if isinstance(rule, ItemsFault):
        return {"search_item_list": rule.items}
    if isinstance(rule, OddItemsFault):
        return {"search_item_list": odd_rows(data["search_item_list"], rule.kinds)}
    if isinstance(rule, HasMoreFault) and not rule.is_absent:
        return {"has_more": rule.value}
    if isinstance(rule, HasMoreFault):
        data.pop("has_more", None)
    return {}


def response_with(rule: FaultRule | None, body: Json) -> Response:
    """Return the HTTP response for an answer, its body spoilt where the rule says so."""
    if isinstance(rule, CutBodyFault):
        return CutResponse(body)
    if isinstance(rule, LongBodyFault):
        return SandboxResponse(body | {"padding": "x" * rule.extra})
    if isinstance(rule, InvalidJsonFault):
        return Response(bytes(SandboxResponse(body).body[:-1]) + b", oops", media_type="application/json")
    return SandboxResponse(body)
