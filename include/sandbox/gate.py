"""What every API call passes: the log, the key check, the rate limit, and the fault rules."""

import asyncio
from typing import Any

from starlette.datastructures import MutableHeaders, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.sandbox.calls import Call
from include.sandbox.envelope import ApiError, success
from include.sandbox.fault_replies import changed_data, reply_instead, response_with
from include.sandbox.faults import CutBodyFault, FaultRule, HtmlFault, RepeatedPageFault, TimeoutFault
from include.sandbox.state import Sandbox, sandbox_of

API_PREFIX = "/api/"
_CALLER_LEFT = 499  # never seen by anyone; the log shows no status for such a call


class InterruptedCallError(Exception):
    """Ends a call with a ready reply."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Doorkeeper:
    """Marks every answer as made up and logs API calls, those to unknown routes too."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self._app = app
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = None
        if scope["path"].startswith(API_PREFIX):
            call = self._sandbox.calls.begin(scope["path"], dict(QueryParams(scope["query_string"])))
        scope.setdefault("state", {})["call"] = call
        try:
            await self._app(scope, receive, _marking(send, call))
        finally:
            if call is not None:
                self._sandbox.calls.end()


def _marking(send: Send, call: Call | None) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["X-Sandbox"] = "made-up data"
            if call is not None and call.status is None and message["status"] != _CALLER_LEFT:
                call.answered(message["status"])
        await send(message)

    return marked


async def admit(request: Request) -> None:
    """Let a call through to its route, after latency, key check, rate limit and faults.

    Raises:
        ApiError: wrong key, rate limit, or a fault rule with a status.
        InterruptedCallError: a fault rule with another reply.
    """
    sandbox = sandbox_of(request)
    request.state.rule = None
    if sandbox.latency_seconds:
        await sandbox.hold(sandbox.latency_seconds)
    check_key(request, sandbox.settings.refused_keys)
    sandbox.limiter.admit(request.url.path)
    rule = sandbox.faults.take(request.url.path, dict(request.query_params))
    if rule is not None:
        await _meet(rule, request, sandbox)


def check_key(request: Request, refused_keys: tuple[str, ...]) -> None:
    """Accept any Bearer key that is not refused, in the header or in the cookie of the same name.

    Raises:
        ApiError: 401.
    """
    given = request.headers.get("authorization") or request.cookies.get("Authorization") or ""
    scheme, _, key = given.partition(" ")
    if scheme.lower() != "bearer" or not key.strip() or key.strip() in refused_keys:
        raise ApiError(401)


async def _meet(rule: FaultRule, request: Request, sandbox: Sandbox) -> None:
    request.state.rule = rule
    if isinstance(rule, TimeoutFault):
        await _wait(rule.delay, request, sandbox)
    response = reply_instead(rule, request)
    if response is not None:
        if isinstance(rule, HtmlFault):
            _book(request, rule.status, billed=False)
        raise InterruptedCallError(response)


async def _wait(delay: float, request: Request, sandbox: Sandbox) -> None:
    """Wait for the delay, the release of waiting calls, or the caller's leaving, whichever comes first."""
    waits = [asyncio.ensure_future(sandbox.hold(delay)), asyncio.ensure_future(_departure(request))]
    _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    has_left = waits[0] in pending
    for wait in pending:
        wait.cancel()
    if has_left:
        raise InterruptedCallError(Response(status_code=_CALLER_LEFT))


async def _departure(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _book(request: Request, status: int, billed: bool | None) -> None:
    call: Call = request.state.call
    call.status, call.billed = status, billed


def page_offset(request: Request, offset: int) -> int:
    """Return the offset whose rows a search answers with."""
    return 0 if isinstance(request.state.rule, RepeatedPageFault) else offset


def answer(request: Request, data: dict[str, Any], offset: int = 0) -> Response:
    """Return the success envelope around `data`, spoilt by the call's fault rule if it met one."""
    sandbox = sandbox_of(request)
    rule: FaultRule | None = request.state.rule
    if rule is not None:
        data = changed_data(rule, data, offset)
    if isinstance(rule, CutBodyFault):
        _book(request, 200, billed=None)
    return response_with(rule, success(request, data, sandbox.now()))
