"""How long one try of a task may take, and how long the database may take for one of its statements."""

from __future__ import annotations

import time
from datetime import timedelta

from comets.errors import TaskDeadlineError

TASK_TIMEOUT = timedelta(minutes=15)
"""Longest time for one try of a task."""

STATEMENT_SHARE = 0.8
LOCK_SHARE = 0.25
"""Shares of the task's time. The database gives up first, with an error that says why, and ends the statement; when
Airflow kills the task, the statement goes on in the server. A lock is given up early: others wait behind it."""

CALL_SHARE = 0.85
"""No TikHub call begins later in a task's time: one that is cut off is paid for and lost. Of 15 minutes more than two
are left then; a call takes at most 30 s to connect, 30 s to answer and 30 s to send its body."""

_LEAST_MILLISECONDS = 100

STEP_TIMEOUTS = {
    f"{name}_timeout": f"{{{{ (task.execution_timeout.total_seconds() * {round(share * 1000)}) | int }}}}"
    for name, share in (("statement", STATEMENT_SHARE), ("lock", LOCK_SHARE))
}
"""The same as parameters of a SQL step, in milliseconds, worked out from the timeout of the task that it belongs to."""


class Deadline:
    """The end of a task's time, counted from now."""

    def __init__(self, timeout: timedelta) -> None:
        self._ends_at = time.monotonic() + timeout.total_seconds()
        self._calls_end_at = time.monotonic() + timeout.total_seconds() * CALL_SHARE

    def ensure_time_for_call(self) -> None:
        """Do nothing while there is time for a TikHub call.

        :raises TaskDeadlineError: there is none.
        """
        if time.monotonic() > self._calls_end_at:
            raise TaskDeadlineError(
                "The time of this try is over; what it has landed is kept, the next try goes on there."
            )

    def timeouts(self) -> dict[str, str]:
        """``statement_timeout`` and ``lock_timeout`` for a statement that begins now, in milliseconds."""
        left = (self._ends_at - time.monotonic()) * 1000
        return {
            "statement_timeout": str(max(_LEAST_MILLISECONDS, round(left * STATEMENT_SHARE))),
            "lock_timeout": str(max(_LEAST_MILLISECONDS // 2, round(left * LOCK_SHARE))),
        }
