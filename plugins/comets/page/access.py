"""Access control and security headers of the page.

Both wrap the whole application, so that unknown paths, static files and wrong methods are covered too.
"""

from __future__ import annotations

from urllib.parse import urlencode

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user, requires_access_dag
from anyio import CapacityLimiter, to_thread
from fastapi import HTTPException, status
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comets.page.links import Links
from comets.page.problems import Problem, problem_response
from comets.settings import DAG_ID

_require_run_access = requires_access_dag("GET", DagAccessEntity.RUN, param_dag_id=DAG_ID)
_FRAMES = frozenset({"iframe", "frame", "embed", "object"})

# Of the page's own: Airflow's endpoints share the default threads.
_CHECK_THREADS = CapacityLimiter(2)

NOT_LOGGED_IN = Problem(401, "Log in to Airflow", "This page requires an Airflow login. Log in, then reload this page.")
FORBIDDEN = Problem(
    403,
    "No access to Comets",
    f"Your Airflow user can't read the runs of the Dag {DAG_ID}. Ask your Airflow administrator for a role that can.",
)

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class AccessMiddleware:
    """Pass a request on when Airflow's auth manager lets its user read the Dag's runs.

    Without a login, redirect a browser to Airflow's login page and answer 401 otherwise. Answer 403 to a user without
    the permission.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "websocket":
            # The page has none. This rejects the handshake with 403.
            await send({"type": "websocket.close", "code": status.WS_1008_POLICY_VIOLATION})
            return
        rejection = await _reject(Request(scope))
        await (rejection or self._app)(scope, receive, send)


class SecurityHeadersMiddleware:
    """Add security headers to each response, and `no-store` unless it sets `Cache-Control` itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


async def _reject(request: Request) -> Response | None:
    """Return the response that rejects a request, or None when its user has access."""
    try:
        user = await get_user(request, None, await bearer_scheme(request))
    except HTTPException:
        # The token is absent, expired, revoked or malformed: a login fixes each of these.
        return _require_login(request)
    try:
        await to_thread.run_sync(_require_run_access, request, user, limiter=_CHECK_THREADS)
    except HTTPException:
        return problem_response(request, FORBIDDEN)
    return None


def _require_login(request: Request) -> Response:
    is_page = request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("accept", "")
    if is_page and request.headers.get("sec-fetch-dest") not in _FRAMES:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        login = f"{Links.from_request(request).airflow}/api/v2/auth/login?{urlencode({'next': here})}"
        return RedirectResponse(login, status_code=307)
    response = problem_response(request, NOT_LOGGED_IN)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response
