"""The ledger of TikHub calls: a call is reserved first, within the run's budget and the shared rate limit."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from comets.calls.rate_limit import LATE_SECONDS, MAX_RESCHEDULES, RouteRateLimit, Slot
from comets.calls.run_stop import BUDGET, RunStop
from comets.database.client import Database
from comets.errors import CallSkippedError, TikHubAuthError, TikHubBalanceError, TikHubError, TikHubRateLimitError
from comets.settings import settings

if TYPE_CHECKING:
    from psycopg.rows import DictRow

T = TypeVar("T")

# Loggers below `airflow.task` keep INFO records in `airflow dags test` too.
log = logging.getLogger(f"airflow.task.{__name__}")


@dataclass(frozen=True)
class Call:
    """A TikHub call: a page of a hashtag's search, or the profile of an account."""

    route: str
    hashtag: str | None = None
    page_offset: int | None = None
    user_id: str | None = None

    def __str__(self) -> str:
        """Return a description for logs and errors."""
        if self.user_id is not None:
            return f"profile of {self.user_id}"
        return f"search for #{self.hashtag} at offset {self.page_offset}"


@dataclass(frozen=True)
class CallResult(Generic[T]):
    """The result of a successful call. The call stays open in the ledger until :meth:`Ledger.close`."""

    call_id: int
    value: T
    duration_ms: int


@dataclass(frozen=True)
class Failures:
    """The number of times a call failed, and the class name of its last error."""

    count: int
    last_error_type: str | None


class Ledger:
    """The calls of one run since it was last cleared (``run_attempt``)."""

    def __init__(self, database: Database, run_id: str, run_attempt: int) -> None:
        self._database = database
        self._run = {"run_id": run_id, "run_attempt": run_attempt}
        self._rate_limit = RouteRateLimit(database, settings().pace, settings().retries, settings().slots)

    def execute(
        self, call: Call, request: Callable[[], T], precondition: Callable[[], None] = lambda: None
    ) -> CallResult[T]:
        """Reserve a call, wait for its slot, make it, and record its failure.

        The caller closes a successful call with :meth:`close`, in the transaction that lands the response.

        :param precondition: called first in the transaction that reserves the call; if it raises, no call is made
        :raises CallSkippedError: the budget is spent, or another task met an error that stops the run.
        :raises TaskDeadlineError: the task has no time left for a call; none is reserved.
        :raises TikHubError: raised by ``request``; ``failed_attempts`` counts this failure too.
        """
        self._database.deadline.ensure_time_for_call()
        call_id, slot = self._reserve(call, precondition)
        self._wait_for_slot(call, call_id, slot)
        started = time.monotonic()
        try:
            value = request()
        except TikHubError as error:
            self._record_failure(call, call_id, error, _milliseconds_since(started))
            raise
        return CallResult(call_id, value, _milliseconds_since(started))

    def close(self, result: CallResult[Any]) -> None:
        """Record that a call succeeded, which TikHub bills."""
        self._finish(result.call_id, result.duration_ms, status_code=200, is_billed=True)

    def failures(self, call: Call) -> Failures:
        """Return the failures of this call in this run since it was last cleared."""
        row = self._count_calls(call)
        return Failures(row["failed_count"], row["last_error_type"])

    def _reserve(self, call: Call, precondition: Callable[[], None]) -> tuple[int, Slot]:
        with self._database.transaction():
            precondition()
            budget = self._database.fetch_one("calls/lock_run", run_id=self._run["run_id"])["max_api_calls"]
            stop = self._find_stop(call, budget)
            if stop is None:
                slot = self._rate_limit.reserve_slot(call.route)
                row = self._database.fetch_one(
                    "calls/reserve_call",
                    **self._run,
                    **vars(call),
                    reserved_at=datetime.now(UTC),
                    started_at=slot.slot_at,
                )
            else:
                self._record_skipped_call(call, stop)
        if stop is not None:
            raise _skipped(call, stop)
        return int(row["call_id"]), slot

    def _wait_for_slot(self, call: Call, call_id: int, slot: Slot) -> None:
        """Wait, without holding a lock, until the call may start.

        The route may be blocked or the run stopped in the meantime.

        :raises CallSkippedError: the run was stopped; the call is removed from the ledger.
        """
        wait_seconds = slot.wait_seconds
        reschedule_count = 0
        while wait_seconds > 0:
            due = time.monotonic() + wait_seconds
            time.sleep(wait_seconds)
            stop = self._find_stop(call)
            if stop is not None:
                with self._database.transaction():
                    self._database.execute("calls/cancel_call", call_id=call_id)
                    self._record_skipped_call(call, stop)
                raise _skipped(call, stop)
            wait_seconds = self._rate_limit.recheck_slot(call_id)
            is_late = time.monotonic() - due > LATE_SECONDS
            if wait_seconds == 0 and is_late and reschedule_count < MAX_RESCHEDULES:
                reschedule_count += 1
                wait_seconds = self._rate_limit.reschedule_slot(call_id)

    def _find_stop(self, call: Call, budget: int | None = None) -> RunStop | None:
        """Return why the run may make no call. Without a budget, only fatal errors of TikHub count."""
        counts = self._count_calls(call)
        if counts["fatal_error_type"] is not None:
            return RunStop(counts["fatal_error_type"], status=counts["fatal_status_code"])
        if budget is not None and counts["call_count"] >= budget:
            return RunStop(BUDGET, budget=budget)
        return None

    def _count_calls(self, call: Call) -> DictRow:
        return self._database.fetch_one("calls/count_calls", **self._run, **vars(call))

    def _record_skipped_call(self, call: Call, stop: RunStop) -> None:
        self._database.execute("calls/record_skipped_call", **self._run, hashtag=call.hashtag, reason=stop.reason)

    def _record_failure(self, call: Call, call_id: int, error: TikHubError, duration_ms: int) -> None:
        self._finish(call_id, duration_ms, status_code=error.status, is_billed=error.is_billed, error=error)
        if isinstance(error, TikHubRateLimitError):
            self._rate_limit.block_route(call.route, error)
        if isinstance(error, TikHubAuthError | TikHubBalanceError):
            log.error("%s", RunStop(type(error).__name__, status=error.status))
        error.failed_attempts = self.failures(call).count

    def _finish(
        self,
        call_id: int,
        duration_ms: int,
        *,
        status_code: int | None,
        is_billed: bool | None,
        error: TikHubError | None = None,
    ) -> None:
        self._database.execute(
            "calls/finish_call",
            call_id=call_id,
            finished_at=datetime.now(UTC),
            duration_ms=duration_ms,
            status_code=status_code,
            is_billed=is_billed,
            error_type=type(error).__name__ if error else None,
            error=str(error) if error else None,
        )


def _skipped(call: Call, stop: RunStop) -> CallSkippedError:
    return CallSkippedError(f"{stop} Skipped: the {call}.")


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
