"""Three days of the Dag for the page to show: the first and the last on time, the missed one between backfilled."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

from include.stack.database import connect
from tests.stack.running_stack import RunningStack

CONF: dict[str, Any] = {"hashtags": ["gymtok", "cozygaming", "streetinterviews"], "pages_per_hashtag": 4}
FIRST, MISSED, LAST = (date(2026, 3, number) for number in (1, 2, 3))

# What creators may call themselves; how the page shows it on one line; and how a spreadsheet gets it.
SCRIPT = "<script src=x>alert(1)</script><img src=x onerror=alert(2)>"
BIDI = ("abc\u202edcba\u2066 \u2028'&lt;", "abc\ufffddcba\ufffd '&lt;", "abc\u202edcba\u2066 \u2028'&lt;")
FORMULA = ("=cmd|' /c calc'!A0", "=cmd|' /c calc'!A0", "'=cmd|' /c calc'!A0")


def make_days(stack: RunningStack) -> None:
    """Run them from nothing."""
    stack.begin_anew()
    for day in (FIRST, LAST):
        stack.sandbox.set_clock(at(day))
        stack.run(at(day), CONF, run_id_of(day))
    bounds = ("--from-date", str(MISSED), "--to-date", f"{MISSED}T23:59:59")
    stack.backfill(*bounds, "--dag-run-conf", json.dumps(CONF))


def run_id_of(day: date) -> str:
    """Of a run that was on time; a plus sign must be quoted in addresses."""
    return f"day+{day}"


def at(day: date) -> datetime:
    """The instant at which the schedule runs a day."""
    return datetime(day.year, day.month, day.day, 2, tzinfo=UTC)


def rename(stack: RunningStack, user_id: str, text: str) -> None:
    """Let a creator have this nickname and bio, and the same for the captions of its videos."""
    with connect(stack.environment) as connection:
        connection.execute(
            "update creators set nickname = %s, signature = %s where user_id = %s", [text, text, user_id]
        )
        connection.execute("update comet_videos set caption = %s where user_id = %s", [text, user_id])
