"""The page "Comets" in Airflow's navigation and on the page of each Dag.

Every process of Airflow loads this file, each task too. So it imports nothing but what Airflow has imported already,
and makes the page at the first request, which only the api-server ever gets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]

DAG_ID = "comet_discovery"
URL_PREFIX = "/comets"
# Airflow's UI takes the addresses of views as they are, so they begin with the path that Airflow is served under.
ROOT = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + URL_PREFIX


class CometsPage:
    """The page as an ASGI application that is imported when it is first asked for."""

    def __init__(self) -> None:
        self._app: AsgiApp | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if self._app is None:
            # It takes a second, in which Airflow's own pages go on.
            self._app = (await asyncio.to_thread(import_module, "comets.page.app")).app
        await self._app(scope, receive, send)


APPS: list[Any] = [{"app": CometsPage(), "url_prefix": URL_PREFIX, "name": "Comets"}]
VIEWS: list[Any] = [
    {
        "name": "Comets",
        "href": f"{ROOT}/",
        "destination": "nav",
        "category": "browse",
        "icon": f"{ROOT}/static/icon.svg",
    },
    {
        "name": "Comets",
        "href": f"{ROOT}/latest?framed=1&dag={{DAG_ID}}",
        "destination": "dag",
        "url_route": "latest-comets",
        "icon": f"{ROOT}/static/icon.svg",
    },
]


class RunNoteListener:
    """Writes the result of a run of `comet_discovery` into its note when the run ends."""

    @hookimpl
    def on_dag_run_success(self, dag_run: Any) -> None:
        """Write the note of a run that succeeded."""
        self._write(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any) -> None:
        """Write the note of a run that failed."""
        self._write(dag_run)

    def _write(self, dag_run: Any) -> None:
        if dag_run.dag_id == DAG_ID:
            import_module("comets.run_notes").write_run_note(dag_run)


LISTENERS: list[Any] = [RunNoteListener()]


class CometsPlugin(AirflowPlugin):
    """Registers the page and the listener.

    A view with a route is shown in a sandboxed frame, out of which no link leads. The entry in the navigation has none:
    it is a page of its own, on which links to TikTok and to Airflow's runs work. It stands in the menu "Browse": beside
    the menus Airflow 3.3.2 makes a button of it that does nothing. A Dag's tab cannot be but a frame.
    """

    name = "comets"
    fastapi_apps = APPS
    external_views = VIEWS
    listeners = LISTENERS
