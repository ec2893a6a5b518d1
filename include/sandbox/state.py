"""Everything one running sandbox holds."""

import asyncio
from datetime import datetime

from starlette.requests import Request

from include.sandbox.calls import CallLog
from include.sandbox.clock import VirtualClock
from include.sandbox.faults import FaultBook
from include.sandbox.limits import RateLimiter
from include.sandbox.sample import Sample
from include.sandbox.settings import SandboxSettings
from include.sandbox.world import World


class Sandbox:
    """The world, its clock, and the switches. Used from one event loop only, hence without locks."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.clock = VirtualClock(settings.now)
        self.world = World(settings.seed, Sample(settings.sample_file, settings.seed))
        self.calls = CallLog()
        self.faults = FaultBook()
        self.limiter = RateLimiter(settings.per_second)
        self.latency_seconds = settings.latency_seconds
        self._released = asyncio.Event()

    def now(self) -> datetime:
        """Return the time that answers show."""
        return self.clock.now()

    def timestamp(self) -> float:
        """Return the time of the answers in unix seconds."""
        return self.clock.timestamp()

    async def hold(self, seconds: float) -> None:
        """Wait, until `release` at most."""
        try:
            await asyncio.wait_for(self._released.wait(), seconds)
        except TimeoutError:
            return

    def release(self) -> None:
        """Let all waiting calls go on."""
        self._released.set()
        self._released = asyncio.Event()

    def reset(self) -> None:
        """Return to what the server was started with."""
        self.clock.reset()
        self.world.forget_changes()
        self.calls.clear()
        self.faults.set([])
        self.limiter.reset()
        self.latency_seconds = self.settings.latency_seconds
        self.release()


def sandbox_of(request: Request) -> Sandbox:
    """Return the sandbox that serves a request."""
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox
