"""The page's share of the api-server: few views at once, a time limit, no websockets."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Queue
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from comets.database.client import SCHEMA_VERSION
from comets.page.limits import MAX_VIEWS, VIEW_TIMEOUT, LimitMiddleware
from tests.page.conftest import Site, serve, url_of
from tests.steps.builders import Row
from tests.websocket import upgrade

PARALLEL = 12


class SlowApp:
    """An application whose responses wait until they are released.

    :ivar begun: counts up with each request
    :ivar most: largest number of requests that waited at once
    """

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.most = 0
        self._running = 0
        self._is_released = threading.Event()

    def release(self) -> None:
        """End all waits, those of later requests too."""
        self._is_released.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        self._running += 1
        self.most = max(self.most, self._running)
        self.begun.release()
        await asyncio.to_thread(self._is_released.wait)
        self._running -= 1
        await PlainTextResponse("shown")(scope, receive, send)


@contextmanager
def slow_site() -> Iterator[tuple[SlowApp, str]]:
    """Serve a slow application with limits; yield it and its URL."""
    app = SlowApp()
    with serve(LimitMiddleware(app)) as url:
        try:
            yield app, url
        finally:
            app.release()


def get(url: str) -> requests.Response:
    """Request a page as a browser."""
    return requests.get(url, headers={"Accept": "text/html"}, timeout=30)


def test_only_few_views_run_at_once_and_others_get_503() -> None:
    with slow_site() as (app, url), ThreadPoolExecutor(PARALLEL) as threads:
        answers = list(threads.map(get, [f"{url}/leaderboard.json"] * PARALLEL))
        assert app.most == MAX_VIEWS
        # The views that are out of time still run, so they keep their places.
        assert get(url).status_code == 503
        assert app.most == MAX_VIEWS
        app.release()
        assert get(url).text == "shown"
    details = [answer.json()["detail"] for answer in answers]
    assert {answer.status_code for answer in answers} == {503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
    assert sum("stopped after 3 seconds" in detail for detail in details) == MAX_VIEWS
    assert sum("views at once" in detail for detail in details) == PARALLEL - MAX_VIEWS


class ImpatientLoop(asyncio.SelectorEventLoop):
    """An event loop without rests.

    :ivar rests: their seconds
    """

    def __init__(self) -> None:
        super().__init__()
        self.rests: list[float] = []

    def call_later(self, delay: float, callback: Any, *args: Any, **options: Any) -> asyncio.TimerHandle:  # type: ignore[override]
        """Schedule a call: one that ends a rest at once, the time limit of a view when it is due."""
        if delay < VIEW_TIMEOUT.total_seconds():
            self.rests.append(delay)
            delay = 0
        return super().call_later(delay, callback, *args, **options)


def rests_of(count: int) -> list[float]:
    """Return the rests after as many parallel views."""
    shown: list[Message] = []

    async def view(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def send(message: Message) -> None:
        shown.append(message)

    async def request_all() -> None:
        app = LimitMiddleware(view)
        scope = {"type": "http", "path": "/"}
        await asyncio.gather(*(app(scope, asyncio.Queue[Message]().get, send) for _ in range(count)))

    loop = ImpatientLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(request_all())
    assert len(shown) == count
    return loop.rests


def test_place_rests_after_a_view_while_others_wait() -> None:
    assert rests_of(MAX_VIEWS) == [0] * MAX_VIEWS
    *rests, last = rests_of(MAX_VIEWS + 1)
    assert max(rests) > 0
    assert last == 0


def test_rejected_browser_gets_a_page_that_says_when_to_reload() -> None:
    with slow_site() as (_, url):
        answer = get(url)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Reload this page in a few seconds" in answer.text


def test_static_files_need_no_place() -> None:
    with slow_site() as (app, url), ThreadPoolExecutor(MAX_VIEWS + 1) as threads:
        files = [threads.submit(get, f"{url}/static/comets.css") for _ in range(MAX_VIEWS + 1)]
        assert all(app.begun.acquire(timeout=30) for _ in files)
        app.release()
        assert {file.result().text for file in files} == {"shown"}


def test_client_that_reads_slowly_does_not_hold_up_views() -> None:
    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("x" * 20_000_000)(scope, receive, send)

    with serve(LimitMiddleware(large)) as url:
        host, port = urlsplit(url).netloc.split(":")
        slow = [socket.create_connection((host, int(port))) for _ in range(MAX_VIEWS)]
        for client in slow:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            client.recv(100)
        assert get(url).status_code == 200
        for client in slow:
            client.close()


@contextmanager
def silent_database() -> Iterator[tuple[int, Queue[socket.socket]]]:
    """Listen as a server that accepts connections and never answers; yield its port and the connections."""
    connections: Queue[socket.socket] = Queue()
    with socket.create_server(("127.0.0.1", 0), backlog=PARALLEL) as listener:

        def accept() -> None:
            while True:
                try:
                    connections.put(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1], connections
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    while not connections.empty():
        connections.get().close()


def test_flood_opens_few_database_connections_and_airflow_answers(connect_to: Callable[[str], Site]) -> None:
    with silent_database() as (port, connections), ThreadPoolExecutor(PARALLEL) as threads:
        site = connect_to(f"postgres://me:secret@127.0.0.1:{port}/creators")
        views = [threads.submit(site.get, "leaderboard.json?size=200") for _ in range(PARALLEL)]
        first = connections.get(timeout=30)
        assert requests.get(f"{site.url}/api/v2/monitor/health", timeout=30).status_code == 200
        assert {view.result().status_code for view in views} == {503}
        # Those that waited, too, may have had their turn by now, but not all at once.
        assert connections.qsize() < PARALLEL - MAX_VIEWS
        first.close()


def test_database_cancels_a_query_before_the_view_is_out_of_time(
    connect_to: Callable[[str], Site], database: psycopg.Connection[Row]
) -> None:
    database.execute("alter table comet_schema rename to versions")
    database.execute(
        "create view comet_schema as select case when current_setting('statement_timeout')::interval "
        f"between '1s' and interval '{VIEW_TIMEOUT.seconds}s' then {SCHEMA_VERSION} else 0 end as version"
    )
    assert connect_to(url_of(database)).get("").status_code == 200


def test_stalled_page_keeps_airflow_and_its_login_responsive(
    connect_to: Callable[[str], Site], database: psycopg.Connection[Row]
) -> None:
    site = connect_to(url_of(database))
    with ThreadPoolExecutor(PARALLEL) as threads:
        with database.transaction():
            database.execute("lock table comet_dates in access exclusive mode")
            stalled = [threads.submit(site.get, "leaderboard.json") for _ in range(PARALLEL)]
            health = site.session.get(f"{site.url}/api/v2/monitor/health", timeout=30)
            anonymous = site.get("", user=None, Accept="*/*")
            assert not any(view.done() for view in stalled)
            assert (health.status_code, anonymous.status_code) == (200, 401)
        assert {view.result().status_code for view in stalled} <= {200, 503}


def test_websocket_is_closed_without_a_stack_trace(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    cookie = f"_token={site.tokens['viewer']}"
    for path in ("/comets/", "/comets/latest", "/comets/nothing"):
        for headers in ({}, {"Cookie": cookie}):
            assert upgrade(site.url, path, **headers) == "HTTP/1.1 403 Forbidden"
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
