"""Register the page "Comets" in Airflow's navigation and on each Dag's page, and the listener that writes run notes.

Every Airflow process loads this file, each task included: it imports only what Airflow has already imported, and a
marker for the listener. The page is imported at its first request, which only the api-server receives; the writer of
notes when a run ends, in the scheduler.
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
# Airflow's UI does not prepend the path that Airflow is served under.
ROOT = urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + URL_PREFIX


class CometsPage:
    """The page as an ASGI application, imported at its first request."""

    def __init__(self) -> None:
        self._app: AsgiApp | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one request."""
        if self._app is None:
            # The import takes a second; in a thread it does not block Airflow's own pages.
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
    """Write the result of a run of `comet_discovery` into its note when the run ends."""

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
            import_module("comets.runs.notes").write_run_note(dag_run)


LISTENERS: list[Any] = [RunNoteListener()]


class CometsPlugin(AirflowPlugin):
    """Register the page and the listener.

    Airflow shows a view with a `url_route` in a sandboxed frame that no link can leave. The navigation entry has none,
    so links to TikTok and to Airflow's runs work; a Dag's tab is always a frame. The entry is in the menu "Browse":
    at the top level Airflow 3.3.2 renders it as a button that does nothing.
    """

    name = "comets"
    fastapi_apps = APPS
    external_views = VIEWS
    listeners = LISTENERS
