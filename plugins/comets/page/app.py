"""The page as an ASGI application, for Airflow to mount."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from comets.page import creator, hashtags, latest, leaderboard, runs
from comets.page.guard import Guard
from comets.page.headers import SecurityHeaders
from comets.page.problems import add_handlers
from comets.page.rendering import STATIC_FOLDER


class StoredFiles(StaticFiles):
    """Our own files, which a browser may keep: their addresses change with their contents."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer one request."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "private, max-age=86400"
        return response


pages = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
for view in (leaderboard, creator, hashtags, runs, latest):
    pages.include_router(view.router)
pages.mount("/static", StoredFiles(directory=STATIC_FOLDER))
add_handlers(pages)

app = SecurityHeaders(Guard(pages))
