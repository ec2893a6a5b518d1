"""Puts the sandbox together."""

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response

from include.sandbox import NOTICE
from include.sandbox.envelope import ApiError, SandboxResponse, error_response
from include.sandbox.gate import Doorkeeper, InterruptedCallError
from include.sandbox.routes import account, control, tiktok_app, tiktok_web
from include.sandbox.settings import SandboxSettings
from include.sandbox.state import Sandbox, sandbox_of


def create_app(settings: SandboxSettings | None = None) -> FastAPI:
    """Return a sandbox of its own, ready to be served."""
    sandbox = Sandbox(settings or SandboxSettings())
    app = FastAPI(title="TikHub sandbox", description=NOTICE)
    app.state.sandbox = sandbox
    app.add_middleware(Doorkeeper, sandbox=sandbox)
    for router in (
        tiktok_app.router,
        tiktok_web.router,
        account.user_router,
        account.health_router,
        control.router,
        control.root_router,
    ):
        app.include_router(router)
    app.exception_handler(ApiError)(_on_api_error)
    app.exception_handler(InterruptedCallError)(_on_interrupted)
    app.exception_handler(RequestValidationError)(_on_invalid)
    return app


async def _on_api_error(request: Request, error: ApiError) -> Response:
    return error_response(request, error, sandbox_of(request).now())


async def _on_interrupted(_request: Request, error: InterruptedCallError) -> Response:
    return error.response


async def _on_invalid(_request: Request, error: RequestValidationError) -> Response:
    found: list[dict[str, Any]] = [
        {"loc": list(problem["loc"]), "msg": problem["msg"], "type": problem["type"]} for problem in error.errors()
    ]
    return SandboxResponse({"detail": found}, status_code=422)
