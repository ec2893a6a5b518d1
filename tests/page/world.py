"""Made-up creators, scores and searches, inserted as the steps of a run store them."""

from __future__ import annotations

from datetime import date, timedelta

import psycopg
from psycopg.types.json import Jsonb

from tests.page.table_rows import EVIL, TAGS, TODAY, YESTERDAY, at, insert
from tests.page.world_runs import runs
from tests.steps.builders import Row

WEIGHTS = {"growth": 0.35, "acceleration": 0.2, "engagement": 0.2, "reach": 0.15, "breakout": 0.1}

# user_id, handle, nickname, followers yesterday and today, tracked since
CREATORS: list[tuple[str, str | None, str | None, int, int, date]] = [
    ("101", "ada.plays", "Ada plays", 40_000, 45_230, date(2026, 1, 5)),
    ("102", "bo", "=cmd|' /C calc'!A1", 20_000, 21_000, date(2026, 2, 1)),
    ("103", "cleo", EVIL, 90_000, 90_010, date(2026, 2, 1)),
    ("104", "dee", "\u202eevil\u202c 👩\u200d💻", 15_000, 15_900, TODAY),
    ("105", "eve_100%", "Eve", 100_000, 102_500, date(2026, 2, 20)),
    ("106", None, None, 12_000, 11_000, date(2026, 2, 20)),
    ("107", "gus", "  +49 170", 9_000, 9_500, date(2026, 2, 20)),
]
BACK = (9, 8, 7, 6, 5, 3, 1, 0)
CROWD = 60
"""Number of further creators, enough for a second page."""


def fill(connection: psycopg.Connection[Row]) -> None:
    """Fill the database."""
    crowd = [
        (str(1000 + i), f"crowd{i:02}", f"Crowd {i}", 30_000 + i, 30_100 + i, date(2026, 2, 1)) for i in range(CROWD)
    ]
    for user_id, handle, nickname, before, now, since in CREATORS + crowd:
        insert(
            connection,
            "creators",
            user_id=user_id,
            handle=handle,
            nickname=nickname,
            first_found_at=at(since, 2),
            tracked_since=since,
            found_by_run_id=f"manual__{TODAY}T09:00:00+00:00" if since == TODAY else None,
            is_settled=True,
        )
        days(connection, user_id, before, now)
        earlier_gain = 1_000 if user_id == "101" else 100 + int(user_id) % 7
        for day, count, gain in ((YESTERDAY, before, earlier_gain), (TODAY, now, now - before)):
            score(connection, user_id, day, count, gain)
    for day in (YESTERDAY, TODAY):
        insert(
            connection,
            "comet_dates",
            recorded_date=day,
            is_run=True,
            score_version=1,
            score_weights=Jsonb(WEIGHTS),
        )
    for back in BACK[:-2]:
        insert(connection, "comet_dates", recorded_date=TODAY - timedelta(days=back), is_run=False)
    searches(connection)
    runs(connection)
    connection.execute("insert into comet_hashtag_days select * from comet_reported_hashtags")


def days(connection: psycopg.Connection[Row], user_id: str, before: int, now: int) -> None:
    """Insert snapshots of eight dates: one backdated, two estimated."""
    bases = ["late", "observed", "observed", "estimated", "estimated", "observed", "observed", "observed"]
    dates = [TODAY - timedelta(days=back) for back in BACK]
    counts = [before - 10 * (6 - place) for place in range(6)] + [before, now]
    for place, (day, basis, count) in enumerate(zip(dates, bases, counts, strict=True)):
        insert(
            connection,
            "creator_stats",
            user_id=user_id,
            recorded_date=day,
            follower_count=count,
            daily_growth_followers=count - counts[place - 1] if place else 0,
            daily_growth_percent=1.5,
            basis=basis,
            counted_at=None if basis == "late" else at(day, 2),
            gap_days=1 if place else None,
        )


def score(connection: psycopg.Connection[Row], user_id: str, day: date, count: int, gain: int) -> None:
    """Insert a scored row of one creator and date."""
    number = int(user_id)
    percentiles = {
        "growth": 0.9 if number == 101 else 0.5,
        "acceleration": 0.8,
        "engagement": 0.4,
        "reach": 0.3,
        "breakout": 1.0 if number == 101 else None,
    }
    ranks = {part: {"percentile": p, "peer_count": 60} for part, p in percentiles.items() if p is not None}
    insert(
        connection,
        "comet_scores",
        recorded_date=day,
        user_id=user_id,
        is_graduated=False,
        counted_date=day,
        follower_count=count,
        basis="estimated" if number == 102 else "observed",
        daily_growth_followers=gain if number != 106 else None,
        daily_growth_percent=round(100 * gain / count, 2) if number != 106 else None,
        growth_rate=gain / count if number != 106 else None,
        growth_1d_rate=gain / count if number != 106 else None,
        growth_1d_days=1,
        is_growth_1d_estimated=False,
        growth_7d_rate=gain / count / 2,
        growth_7d_days=8,
        is_growth_7d_estimated=True,
        acceleration=gain - 10,
        engagement_rate=0.05 + number % 10 / 100,
        view_follower_ratio=1 + number % 5,
        acceleration_days=2,
        engagement_video_count=6 if number == 101 else 2,
        breakout_other_count=5 if number == 101 else 0,
        breakout_ratio=5.5 if number == 101 else None,
        breakout_video_id="9001" if number == 101 else None,
        video_count=6 if number == 101 else 2,
        ranks=Jsonb(ranks),
        score=81.5 if number == 101 else 40 + number % 10,
        is_low_confidence=number != 101,
        scored_at=at(day, 3),
    )


def searches(connection: psycopg.Connection[Row]) -> None:
    """Insert the landed pages of both dates and their discoveries."""
    for day in (YESTERDAY, TODAY):
        for place, tag in enumerate(TAGS):
            (search_id,) = insert(
                connection,
                "comet_searches",
                returning="search_id",
                recorded_date=day,
                hashtag=tag,
                region="US",
                publish_time_days=0,
                run_id=f"scheduled__{day}T02:00:00+00:00",
                attempt_number=1,
                next_offset=20,
                stop_reason="exhausted",
            )
            (page_id,) = insert(
                connection,
                "comet_pages",
                returning="page_id",
                search_id=search_id,
                attempt_number=1,
                run_id=f"scheduled__{day}T02:00:00+00:00",
                page_offset=0,
                page_size=20,
                received_count=7,
                landed_count=6,
                rejected_count=1,
                observed_at=at(day, 2),
            )
            land(connection, page_id, day, tag, place)
    insert(
        connection,
        "comet_handles",
        user_id="101",
        handle="ada",
        first_seen_at=at(date(2026, 1, 5), 2),
    )
    insert(
        connection,
        "comet_handles",
        user_id="101",
        handle="ada.plays",
        first_seen_at=at(date(2026, 2, 2), 2),
    )


def land(connection: psycopg.Connection[Row], page_id: int, day: date, tag: str, place: int) -> None:
    """Insert a qualifying video of the first creators for a hashtag."""
    for position, (user_id, handle, _, before, _, _) in enumerate(CREATORS[: 6 - place]):
        video_id = str(9001 + 100 * position)
        views = 500_000 + (100_000 if day == TODAY else 0) + position
        insert(
            connection,
            "comet_videos",
            page_id=page_id,
            item_position=position,
            recorded_date=day,
            observed_at=at(day, 2),
            observed_date=day,
            video_id=video_id,
            published_at=at(date(2026, 3, 1), 12),
            caption=f"{EVIL} my #{tag} day",
            play_count=views,
            like_count=40_000,
            comment_count=1_000,
            share_count=500,
            save_count=200,
            is_tagged=True,
            user_id=user_id,
            handle=handle,
            follower_count=before,
        )
        insert(
            connection,
            "comet_discoveries",
            recorded_date=day,
            user_id=user_id,
            video_id=video_id,
            hashtag=tag,
            follower_count=before,
            play_count=views,
            max_followers=100_000,
            found_at=at(day, 2),
        )
