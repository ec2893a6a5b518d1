"""A limit on the requests that the page handles at once, because it shares a process with the API that tasks call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

MAX_ACTIVE = 2
"""Requests at once in each process of the api-server. A view takes its time in Python, where more threads would only
delay the requests of tasks."""

WAIT_SECONDS = 2.0
"""How long a request waits for its turn. Clients that repeat at once are slowed down by it."""

RETRY_SECONDS = 5
"""The `Retry-After` of a rejected request."""


class BusyError(Exception):
    """Too many requests are waiting."""


class RequestLimit:
    """Lets a few requests run at once; the others wait a moment."""

    def __init__(self, max_active: int = MAX_ACTIVE, wait_seconds: float = WAIT_SECONDS) -> None:
        self._slots = asyncio.Semaphore(max_active)
        self._wait_seconds = wait_seconds

    async def acquire(self) -> Callable[[], None]:
        """Wait for a slot; return the function that releases it, which may be called again.

        :raises BusyError: no slot was free in time.
        """
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise BusyError from None
        releases = iter([self._slots.release])
        return lambda: next(releases, _do_nothing)()


def _do_nothing() -> None:
    """Stand for a release that has happened."""
