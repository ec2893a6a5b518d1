"""The page as an ASGI application for Airflow to mount."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from comets.page import creator, hashtags, leaderboard, runs
from comets.page.access import AccessMiddleware, SecurityHeadersMiddleware
from comets.page.limits import LimitMiddleware
from comets.page.problems import add_error_handlers
from comets.page.rendering import STATIC_FOLDER


class CachedStaticFiles(StaticFiles):
    """Static files that a browser may cache: their URLs change with their contents."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return one file."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "private, max-age=86400"
        return response


pages = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
for view in (leaderboard, creator, hashtags, runs):
    pages.include_router(view.router)
pages.mount("/static", CachedStaticFiles(directory=STATIC_FOLDER))
add_error_handlers(pages)

app = SecurityHeadersMiddleware(AccessMiddleware(LimitMiddleware(pages)))
