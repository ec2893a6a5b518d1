"""One pace per TikHub route for all who share the creators' database: it hands out the moments for calls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from comets.database.client import Database
from comets.errors import TikHubRateLimitError
from comets.settings import Pace, Retries, Settings

HEADROOM = 1.1
"""Moments lie a tenth further apart than the rate asks for: the way from a worker to TikHub does not take the same time
for every call, and a server that counts strictly would refuse two that arrive closer than they left."""

LATE_SECONDS = 0.08
"""Who wakes up so long after the moment has used up most of that headroom: whatever the rate is, it is a tenth
of a second, as a strict server counts the calls of one."""

MAX_RESCHEDULES = 3
"""A machine that is late every time would never call."""


@dataclass(frozen=True)
class Slot:
    """A moment at which one call of a route may start.

    :param slot_at: by the clock of the database's server
    :param wait_seconds: how long from now
    """

    slot_at: datetime
    wait_seconds: float


class RouteRateLimit:
    """The pace of TikHub's routes, as the creators' database keeps it.

    A moment that was handed out to a process that died is lost, which delays the others by one pause.
    """

    def __init__(self, database: Database, pace: Pace, retries: Retries) -> None:
        self._database = database
        self._pause = min_interval(pace.requests_per_second)
        self._retries = retries

    def reserve_slot(self, route: str) -> Slot:
        """Take the next free moment of a route; belongs into the transaction that reserves the call, at its end."""
        return Slot(**self._database.fetch_one("calls/reserve_slot", route=route, min_interval=self._pause))

    def recheck_slot(self, call_id: int) -> float:
        """Seconds that a call whose moment has come must wait nevertheless, as its route is held back; 0 is none."""
        return self._move("calls/recheck_slot", call_id)

    def reschedule_slot(self, call_id: int) -> float:
        """Seconds that a call must wait which has missed its moment; it gives that up for the next free one."""
        return self._move("calls/reschedule_slot", call_id)

    def block_route(self, route: str, error: TikHubRateLimitError) -> None:
        """Let nobody call a route for as long as TikHub asks, or as the settings say where it does not; both capped."""
        asked = self._retries.delay_seconds if error.retry_after is None else error.retry_after
        seconds = min(asked, self._retries.max_delay_seconds)
        self._database.execute("calls/block_route", route=route, hold=timedelta(seconds=seconds))

    def _move(self, statement: str, call_id: int) -> float:
        row = self._database.fetch_optional(statement, call_id=call_id, min_interval=self._pause)
        return float(row["wait_seconds"]) if row else 0.0


def min_interval(requests_per_second: float) -> timedelta:
    """The least time between two calls of a route; the database counts whole microseconds."""
    return timedelta(microseconds=math.ceil(1e6 * HEADROOM / requests_per_second))


def calls_within(time: timedelta, settings: Settings) -> int:
    """How many calls each of the tasks that fill the pool can make in a time at that pace; at least 1."""
    return max(1, int(time / min_interval(settings.pace.requests_per_second) / settings.slots))
