"""One rate limit per TikHub route for all users of a creators' database: each call reserves a slot."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from comets.database.client import Database
from comets.deadline import TASK_TIMEOUT
from comets.errors import TikHubRateLimitError
from comets.settings import Pace, Retries, Settings

log = logging.getLogger(f"airflow.task.{__name__}")

HEADROOM = 1.1
"""Slots are a tenth further apart than the rate requires. Network latency varies, and a strict server rejects two calls
that arrive closer together than they were sent."""

LATE_SECONDS = 0.08
"""Callers that wake later than this take a new slot. Per second, as a strict server counts, the headroom is 0.1 s at
every rate."""

MAX_RESCHEDULES = 3
"""Limit per call, because on a slow machine every caller may wake late."""


@dataclass(frozen=True)
class Slot:
    """The time at which one call of a route may start.

    :param slot_at: by the clock of the database server
    :param wait_seconds: from now
    """

    route: str
    slot_at: datetime
    wait_seconds: float


class RouteRateLimit:
    """The rate limit of TikHub's routes, stored in the creators' database.

    A slot reserved by a process that died is lost: it delays the other callers by one interval.
    """

    def __init__(self, database: Database, pace: Pace, retries: Retries, slots: int) -> None:
        self._database = database
        self._min_interval = min_interval(pace.requests_per_second)
        self._retries = retries
        # Each task of the pool may hold its slot and those that it gave up. A lower pace until a moment ago explains
        # the minimum, which a task can wait within its time limit.
        queue = self._min_interval * slots * (1 + MAX_RESCHEDULES)
        self.max_wait = max(TASK_TIMEOUT / 2, queue) + timedelta(seconds=retries.max_delay_seconds)

    def reserve_slot(self, route: str) -> Slot:
        """Reserve the next free slot of a route. Run it last in the transaction that reserves the call.

        A slot further ahead than `max_wait` counts as now.
        """
        slot = Slot(**self._database.fetch_one("calls/reserve_slot", route=route, min_interval=self._min_interval))
        return self.reserve_slot(route) if self._is_reset(slot) else slot

    def recheck_slot(self, call_id: int) -> float:
        """Move a due call to a later slot if its route is blocked. Return the seconds to wait; 0 if it may start."""
        return self._reschedule(call_id, is_late=False)

    def reschedule_slot(self, call_id: int) -> float:
        """Move a late call to the next free slot. Return the seconds to wait."""
        return self._reschedule(call_id, is_late=True)

    def block_route(self, route: str, error: TikHubRateLimitError) -> None:
        """Block the route until `Retry-After` has passed, or the configured delay without it; both are capped."""
        delay = self._retries.delay_seconds if error.retry_after is None else error.retry_after
        seconds = min(delay, self._retries.max_delay_seconds)
        self._database.execute("calls/block_route", route=route, hold=timedelta(seconds=seconds))

    def _reschedule(self, call_id: int, *, is_late: bool) -> float:
        row = self._database.fetch_optional(
            "calls/reschedule_slot", call_id=call_id, is_late=is_late, min_interval=self._min_interval
        )
        if row is None:
            return 0.0
        slot = Slot(**row)
        return self.reschedule_slot(call_id) if self._is_reset(slot) else slot.wait_seconds

    def _is_reset(self, slot: Slot) -> bool:
        """Free the route of a slot that is further ahead than `max_wait`, and return whether it was."""
        if slot.wait_seconds <= self.max_wait.total_seconds():
            return False
        self._database.execute("calls/reset_route", route=slot.route, max_wait=self.max_wait)
        log.warning(
            "The next slot of %s is %s, %s from now. The queue reaches %s ahead at most, so the clock of the database "
            "server was probably wrong when the slot was stored: it counts as now. Check that clock.",
            slot.route,
            slot.slot_at.isoformat(timespec="seconds"),
            timedelta(seconds=round(slot.wait_seconds)),
            self.max_wait,
        )
        return True


def min_interval(requests_per_second: float) -> timedelta:
    """Return the minimum interval between two calls of a route, rounded up to the database's microseconds."""
    return timedelta(microseconds=math.ceil(1e6 * HEADROOM / requests_per_second))


def calls_within(duration: timedelta, settings: Settings) -> int:
    """Return how many calls a task can make in a duration when the pool is full; at least 1."""
    return max(1, int(duration / min_interval(settings.pace.requests_per_second) / settings.slots))
