"""Three days for the page to show: the first and the last on time, and the missed one between, run by Airflow."""

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
    """Run them from nothing; the sandbox's clock stays at the last one."""
    stack.reset()
    run_history(stack.environment, [FIRST, LAST])
    stack.run(datetime(MISSED.year, MISSED.month, MISSED.day, 2, tzinfo=UTC), CONF, MISSED_RUN_ID)
