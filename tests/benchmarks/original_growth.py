"""The original's way to record growth: for each creator a statement that reads, and a statement that writes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import psycopg

Profile = tuple[str, int, int | None, int | None]
"""user_id, followers, hearts, videos."""


def record_growth_by_rows(connection: psycopg.Connection[Any], day: date, profiles: Iterable[Profile]) -> None:
    """Record a day in `creator_stats` as the original does: against yesterday's row, 0 where there is none.

    The transaction is the caller's.
    """
    yesterday = day - timedelta(days=1)
    with connection.cursor() as cursor:
        for user_id, follower_count, heart_count, video_count in profiles:
            cursor.execute(
                "select follower_count from creator_stats where user_id = %s and recorded_date = %s",
                [user_id, yesterday],
            )
            row = cursor.fetchone()
            before = row[0] if row else None
            gained = follower_count - before if before else 0
            cursor.execute(
                """
                insert into creator_stats (
                    user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers,
                    daily_growth_percent
                )
                values (%s, %s, %s, %s, %s, %s, %s)
                on conflict (user_id, recorded_date) do update set
                    follower_count = excluded.follower_count,
                    heart_count = excluded.heart_count,
                    video_count = excluded.video_count,
                    daily_growth_followers = excluded.daily_growth_followers,
                    daily_growth_percent = excluded.daily_growth_percent
                """,
                [
                    user_id,
                    day,
                    follower_count,
                    heart_count,
                    video_count,
                    gained,
                    round(100 * gained / before, 2) if before else 0,
                ],
            )
