"""The time limits of a task try, its TikHub calls and its SQL statements."""

from __future__ import annotations

import time
from datetime import timedelta

from comets.errors import TaskDeadlineError

TASK_TIMEOUT = timedelta(minutes=15)
"""Time limit of one try of a task."""

STATEMENT_SHARE = 0.8
LOCK_SHARE = 0.25
"""Shares of the task's time after which the database cancels a statement or a wait for a lock. Airflow's own timeout
leaves the statement running in the server and gives no reason. The lock limit is low because other sessions queue."""

CALL_SHARE = 0.85
"""Share of the task's time after which no TikHub call starts, because a call that is cut off is billed and lost. Of 15
minutes it leaves more than two; a call takes at most 90 s (30 s each to connect, respond and send the body)."""

_MIN_MILLISECONDS = 100

STEP_TIMEOUTS = {
    f"{name}_timeout": f"{{{{ (task.execution_timeout.total_seconds() * {round(share * 1000)}) | int }}}}"
    for name, share in (("statement", STATEMENT_SHARE), ("lock", LOCK_SHARE))
}
"""The same limits as parameters of a SQL step, in milliseconds: Jinja templates over the task's timeout."""


class Deadline:
    """The deadline of a task, counted from now."""

    def __init__(self, timeout: timedelta) -> None:
        self._ends_at = time.monotonic() + timeout.total_seconds()
        self._calls_end_at = time.monotonic() + timeout.total_seconds() * CALL_SHARE

    def ensure_time_for_call(self) -> None:
        """Check that there is time left for a TikHub call.

        :raises TaskDeadlineError: there is not.
        """
        if time.monotonic() > self._calls_end_at:
            raise TaskDeadlineError(
                "This try has no time left for another call. Landed data is kept; the next try continues there."
            )

    def timeouts(self) -> dict[str, str]:
        """Return ``statement_timeout`` and ``lock_timeout`` for a statement that starts now, in milliseconds."""
        left = (self._ends_at - time.monotonic()) * 1000
        return {
            "statement_timeout": str(max(_MIN_MILLISECONDS, round(left * STATEMENT_SHARE))),
            "lock_timeout": str(max(_MIN_MILLISECONDS // 2, round(left * LOCK_SHARE))),
        }
