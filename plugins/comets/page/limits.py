"""The page's share of the api-server: few views at once, each for a few seconds.

Every task of a run talks to the same api-server. A view that waits here holds no thread and no database connection.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comets.page.problems import Problem, problem_response

MAX_VIEWS = 2
"""Views that run at once in a process of the api-server; Python runs on one core of it."""

MAX_WAIT = timedelta(seconds=6)
"""Longest wait for a place: longer than a rest, so that a single waiting request is served. It also slows clients that
repeat a rejected request at once."""

VIEW_TIMEOUT = timedelta(seconds=3)
"""Time limit of a view, from the end of its wait on."""

REST_SHARE = 6
MAX_REST = timedelta(seconds=4)
"""While requests wait, the place of a view stays empty after it for six times as long as the view took, up to this
limit. Without the rest, a flood made a run on two cores take 1.9 times as long; with it, 1.1 to 1.2 times."""

RETRY_AFTER = timedelta(seconds=5)

BUSY = Problem(
    503,
    "The page is busy",
    f"It shows {MAX_VIEWS} views at once, so that it cannot slow runs. Reload this page in a few seconds.",
    RETRY_AFTER,
)
TOO_SLOW = Problem(
    503,
    "This view took too long",
    f"It was stopped after {VIEW_TIMEOUT.seconds} seconds; the database may be busy with a run. Reload this page in a "
    "few seconds, or request fewer rows and no search.",
    RETRY_AFTER,
)


class LimitMiddleware:
    """Run few requests at once, and answer 503 to one that waits or runs too long.

    A response is sent after its view has ended, so a client that reads slowly does not hold up other views. A view that
    is out of time counts as running until its thread ends. Static files are not limited.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._places = asyncio.Semaphore(MAX_VIEWS)
        self._waiting_count = 0
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or _is_static(scope):
            await self._app(scope, receive, send)
            return
        self._waiting_count += 1
        try:
            async with asyncio.timeout(MAX_WAIT.total_seconds()):
                await self._places.acquire()
        except TimeoutError:
            await problem_response(Request(scope), BUSY)(scope, receive, send)
            return
        finally:
            self._waiting_count -= 1
        response: list[Message] = []
        view = self._start(scope, receive, response)
        done, _ = await asyncio.wait({view}, timeout=VIEW_TIMEOUT.total_seconds())
        if not done:
            await problem_response(Request(scope), TOO_SLOW)(scope, receive, send)
            return
        for message in response:
            await send(message)
        view.result()

    def _start(self, scope: Scope, receive: Receive, response: list[Message]) -> asyncio.Task[None]:
        loop = asyncio.get_running_loop()
        started_at = loop.time()

        async def keep(message: Message) -> None:
            response.append(message)

        async def run() -> None:
            await self._app(scope, receive, keep)

        def end(view: asyncio.Task[None]) -> None:
            self._running.discard(view)
            rest = min(REST_SHARE * (loop.time() - started_at), MAX_REST.total_seconds())
            loop.call_later(rest if self._waiting_count else 0, self._places.release)

        view = loop.create_task(run())
        self._running.add(view)
        view.add_done_callback(end)
        return view


def _is_static(scope: Scope) -> bool:
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path.startswith("/static/")
