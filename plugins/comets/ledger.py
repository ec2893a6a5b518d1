"""The ledger of TikHub calls: every call is reserved before it is made, within the run's budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from comets.database import Database
from comets.errors import TikHubError

T = TypeVar("T")


class CallRefusedError(RuntimeError):
    """A call was not made because the run may make none any more; the text says why and what to do."""


@dataclass(frozen=True)
class Call:
    """What a TikHub call asks for: a page of a hashtag's search, or the profile of an account."""

    route: str
    hashtag: str | None = None
    page_offset: int | None = None
    user_id: str | None = None


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A successful call: its place in the ledger, still open, and what TikHub answered."""

    call_id: int
    value: T


@dataclass(frozen=True)
class Failures:
    """How often a call has failed, and the name of the last error's class."""

    count: int
    last_error_type: str | None


class Ledger:
    """The calls of one run, counted from when the run was last cleared (``clear_number``)."""

    def __init__(self, database: Database, run_id: str, clear_number: int) -> None:
        self._database = database
        self._run = {"run_id": run_id, "clear_number": clear_number}

    def make(self, call: Call, ask: Callable[[], T], guard: Callable[[], None] = lambda: None) -> Answer[T]:
        """Reserve a call, make it, and note how it failed if it did.

        The caller closes a successful call with :meth:`close`, in the transaction that lands the answer.

        :param guard: called in the transaction that reserves the call, before anything else; what it raises keeps the
            call from being made
        :raises CallRefusedError: the budget is spent, or a sibling met an error that ends all calling.
        :raises TikHubError: as ``ask`` does, with ``failed_tries`` of this very call counted in.
        """
        call_id = self._reserve(call, guard)
        try:
            return Answer(call_id, ask())
        except TikHubError as error:
            self._finish(call_id, status_code=error.status, is_billed=error.is_billed, error=error)
            error.failed_tries = self.failures(call).count
            raise

    def close(self, answer: Answer[Any]) -> None:
        """Note that a call succeeded: TikHub bills it."""
        self._finish(answer.call_id, status_code=200, is_billed=True)

    def failures(self, call: Call) -> Failures:
        """How this very call has failed in this run since it was last cleared."""
        row = self._database.fetch_one("landing/failed_tries", **self._run, **vars(call))
        return Failures(row["failed_count"], row["last_error_type"])

    def _reserve(self, call: Call, guard: Callable[[], None]) -> int:
        with self._database.transaction():
            guard()
            budget = self._database.fetch_one("landing/lock_run", run_id=self._run["run_id"])["max_api_calls"]
            counts = self._database.fetch_one("landing/call_counts", **self._run)
            if counts["fatal_error"] is not None:
                raise CallRefusedError(f"No further call is made in this run: {counts['fatal_error']}")
            if counts["call_count"] >= budget:
                raise CallRefusedError(
                    f"The run's budget of {budget:,} TikHub calls is spent. What was landed is kept and used. Trigger "
                    "a run with a higher max_api_calls, or clear this task: clearing renews the budget, and the task "
                    "goes on where it stopped."
                )
            row = self._database.fetch_one(
                "landing/reserve_call", **self._run, **vars(call), reserved_at=datetime.now(UTC)
            )
        return int(row["call_id"])

    def _finish(
        self, call_id: int, *, status_code: int | None, is_billed: bool | None, error: TikHubError | None = None
    ) -> None:
        self._database.execute(
            "landing/finish_call",
            call_id=call_id,
            finished_at=datetime.now(UTC),
            status_code=status_code,
            is_billed=is_billed,
            error_type=type(error).__name__ if error else None,
            error=str(error) if error else None,
        )
