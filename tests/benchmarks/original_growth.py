"""The growth of a day as the original records it: one creator after the other, one statement per step."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import psycopg

YESTERDAY = "select follower_count from creator_stats where user_id = %s and recorded_date = %s"

SNAPSHOT = """
insert into creator_stats (
    user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent
)
values (%s, %s, %s, %s, %s, %s, %s)
on conflict (user_id, recorded_date) do update
set
    follower_count = excluded.follower_count,
    heart_count = excluded.heart_count,
    video_count = excluded.video_count,
    daily_growth_followers = excluded.daily_growth_followers,
    daily_growth_percent = excluded.daily_growth_percent
"""

Profile = tuple[str, int, int, int]
"""user_id, follower_count, heart_count, video_count"""


def record_growth_by_rows(connection: psycopg.Connection[Any], day: date, profiles: Iterable[Profile]) -> None:
    """Write the snapshots of a day with their growth since the day before, in one transaction.

    The transaction is the caller's to end.

    No statement is prepared: behind a pooler, where hosted databases are, none can be.

    :param profiles: of creators that are in `creators`
    """
    with connection.transaction(), connection.cursor() as cursor:
        for user_id, follower_count, heart_count, video_count in profiles:
            cursor.execute(YESTERDAY, (user_id, day - timedelta(days=1)), prepare=False)
            row = cursor.fetchone()
            before = row[0] if row and row[0] is not None else None
            growth = 0 if before is None else follower_count - before
            percent = round(100 * growth / before, 2) if before else 0
            values = (user_id, day, follower_count, heart_count, video_count, growth, percent)
            cursor.execute(SNAPSHOT, values, prepare=False)
