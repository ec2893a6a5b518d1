"""The ledger of TikHub calls: every call is reserved before it is made, within the run's budget and the shared pace."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from comets.calls.rate_limit import LATE_SECONDS, MAX_RESCHEDULES, RouteRateLimit, Slot
from comets.calls.run_stop import BUDGET, RunStop
from comets.database.client import Database
from comets.errors import CallSkippedError, TikHubAuthError, TikHubBalanceError, TikHubError, TikHubRateLimitError
from comets.settings import settings

T = TypeVar("T")

# Airflow sets the level of this tree of loggers; below the root logger, INFO would be lost in `airflow dags test`.
log = logging.getLogger(f"airflow.task.{__name__}")


@dataclass(frozen=True)
class Call:
    """What a TikHub call asks for: a page of a hashtag's search, or the profile of an account."""

    route: str
    hashtag: str | None = None
    page_offset: int | None = None
    user_id: str | None = None

    def __str__(self) -> str:
        """Name it for a person."""
        if self.user_id is not None:
            return f"profile of {self.user_id}"
        return f"search for #{self.hashtag} at offset {self.page_offset}"


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A successful call: its place in the ledger, still open, what TikHub answered, and in how many milliseconds."""

    call_id: int
    value: T
    duration_ms: int


@dataclass(frozen=True)
class Failures:
    """How often a call has failed, and the name of the last error's class."""

    count: int
    last_error_type: str | None


class Ledger:
    """The calls of one run, counted from when the run was last cleared (``run_attempt``)."""

    def __init__(self, database: Database, run_id: str, run_attempt: int) -> None:
        self._database = database
        self._run = {"run_id": run_id, "run_attempt": run_attempt}
        self._pace = RouteRateLimit(database, settings().pace, settings().retries)

    def execute(
        self, call: Call, request: Callable[[], T], precondition: Callable[[], None] = lambda: None
    ) -> Answer[T]:
        """Reserve a call, wait for its moment, make it, and note how it failed if it did.

        The caller closes a successful call with :meth:`close`, in the transaction that lands the answer.

        :param guard: called in the transaction that reserves the call, before anything else; what it raises keeps the
            call from being made
        :raises CallSkippedError: the budget is spent, or a sibling met an error that ends all calling.
        :raises TaskDeadlineError: the task has no time left for a call; none was reserved.
        :raises TikHubError: as ``ask`` does, with ``failed_attempts`` of this very call counted in.
        """
        self._database.deadline.ensure_time_for_call()
        call_id, slot = self._reserve(call, precondition)
        self._await_moment(call, call_id, slot)
        sent = time.monotonic()
        try:
            value = request()
        except TikHubError as error:
            self._fail(call, call_id, error, _milliseconds_since(sent))
            raise
        return Answer(call_id, value, _milliseconds_since(sent))

    def close(self, answer: Answer[Any]) -> None:
        """Note that a call succeeded: TikHub bills it."""
        self._finish(answer.call_id, answer.duration_ms, status_code=200, is_billed=True)

    def failures(self, call: Call) -> Failures:
        """How this very call has failed in this run since it was last cleared."""
        row = self._database.fetch_one("calls/count_failures", **self._run, **vars(call))
        return Failures(row["failed_count"], row["last_error_type"])

    def _reserve(self, call: Call, precondition: Callable[[], None]) -> tuple[int, Slot]:
        with self._database.transaction():
            precondition()
            budget = self._database.fetch_one("calls/lock_run", run_id=self._run["run_id"])["max_api_calls"]
            stop = self._stop(budget)
            if stop is None:
                slot = self._pace.reserve_slot(call.route)
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

    def _await_moment(self, call: Call, call_id: int, slot: Slot) -> None:
        """Wait, without any lock, until the call may start; meanwhile its route may be held back, or the run stopped.

        :raises CallSkippedError: the run was stopped; the call is not in the ledger any more.
        """
        wait_seconds = slot.wait_seconds
        shift_count = 0
        while wait_seconds > 0:
            due = time.monotonic() + wait_seconds
            time.sleep(wait_seconds)
            stop = self._stop()
            if stop is not None:
                with self._database.transaction():
                    self._database.execute("calls/cancel_call", call_id=call_id)
                    self._record_skipped_call(call, stop)
                raise _skipped(call, stop)
            wait_seconds = self._pace.recheck_slot(call_id)
            if wait_seconds == 0 and time.monotonic() - due > LATE_SECONDS and shift_count < MAX_RESCHEDULES:
                shift_count += 1
                wait_seconds = self._pace.reschedule_slot(call_id)

    def _stop(self, budget: int | None = None) -> RunStop | None:
        """Why no call may be made; without a budget only what TikHub has said counts."""
        counts = self._database.fetch_one("calls/count_calls", **self._run)
        if counts["fatal_error_type"] is not None:
            return RunStop(counts["fatal_error_type"], status=counts["fatal_status_code"])
        if budget is not None and counts["call_count"] >= budget:
            return RunStop(BUDGET, budget=budget)
        return None

    def _record_skipped_call(self, call: Call, stop: RunStop) -> None:
        self._database.execute("calls/record_skipped_call", **self._run, hashtag=call.hashtag, reason=stop.reason)

    def _fail(self, call: Call, call_id: int, error: TikHubError, duration_ms: int) -> None:
        self._finish(call_id, duration_ms, status_code=error.status, is_billed=error.is_billed, error=error)
        if isinstance(error, TikHubRateLimitError):
            self._pace.block_route(call.route, error)
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
    return CallSkippedError(f"{stop} Not made: the {call}.")


def _milliseconds_since(moment: float) -> int:
    return round((time.monotonic() - moment) * 1000)
