"""Three days of data: the first and last on time, the missed one between them run later by Airflow."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from include.stack.demo import run_history
from tests.stack.running_stack import RunningStack

CONF: dict[str, Any] = {"pages_per_hashtag": 4}
FIRST, MISSED, LAST = (date(2026, 3, number) for number in (1, 2, 3))
# A plus sign must be quoted in addresses.
MISSED_RUN_ID = f"day+{MISSED}"


def make_days(stack: RunningStack) -> None:
    """Reset the stack and run the three days; the sandbox's clock stays at the last one."""
    stack.reset()
    run_history(stack.environment, [FIRST, LAST])
    stack.run(datetime(MISSED.year, MISSED.month, MISSED.day, 2, tzinfo=UTC), CONF, MISSED_RUN_ID)
