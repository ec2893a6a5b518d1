"""Lets nobody into the page who may not read the runs of the Dag in Airflow.

It stands in front of the routes and not in them: unknown paths, static files and wrong methods are guarded too.
"""

from __future__ import annotations

from urllib.parse import urlencode

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user, requires_access_dag
from fastapi import HTTPException
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from comets.page.links import Links
from comets.page.problems import Problem, problem_page
from comets.settings import DAG_ID

_may_read_runs = requires_access_dag("GET", DagAccessEntity.RUN, param_dag_id=DAG_ID)
_FRAMES = frozenset({"iframe", "frame", "embed", "object"})

NO_LOGIN = Problem(
    401,
    "Log in to Airflow first",
    "This page shows the Comets to people who are logged in to Airflow. Log in there, then reload this page.",
)
NO_ACCESS = Problem(
    403,
    "No access to the Comets",
    f"Your Airflow user may not read the runs of the Dag {DAG_ID}. Ask whoever runs Airflow for a role that may.",
)


class Guard:
    """Passes a request on when Airflow's auth manager lets its user read the Dag's runs.

    Without a login a browser is sent to Airflow's, everything else gets 401. A user without the right gets 403.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"The page speaks HTTP only, not {scope['type']}.")
        request = Request(scope)
        refusal = await _skipped(request)
        await (refusal or self._app)(scope, receive, send)


async def _skipped(request: Request) -> Response | None:
    try:
        user = await get_user(request, None, await bearer_scheme(request))
    except HTTPException:
        # Absent, expired, revoked or garbled: in each case a login helps.
        return _ask_for_login(request)
    try:
        await run_in_threadpool(_may_read_runs, request, user)
    except HTTPException:
        return problem_page(request, NO_ACCESS)
    return None


def _ask_for_login(request: Request) -> Response:
    is_page = request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("accept", "")
    if is_page and request.headers.get("sec-fetch-dest") not in _FRAMES:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        login = f"{Links.of(request).airflow}/api/v2/auth/login?{urlencode({'next': here})}"
        return RedirectResponse(login, status_code=307)
    response = problem_page(request, NO_LOGIN)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response
