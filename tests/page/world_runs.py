"""Made-up runs, with what their reports have counted."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.page.table_rows import EVIL, TAGS, TODAY, YESTERDAY, at, insert
from tests.sql.builders import Row


def runs(connection: psycopg.Connection[Row]) -> None:
    """A run of yesterday, two of today; the last one was stopped by a gate and has no report."""
    asked = [
        (f"scheduled__{YESTERDAY}T02:00:00+00:00", YESTERDAY, 2, True),
        (f"scheduled__{TODAY}T02:00:00+00:00", TODAY, 2, True),
        (f"manual__{TODAY}T09:00:00+00:00", TODAY, 9, False),
    ]
    for run_id, day, hour, has_report in asked:
        insert(
            connection,
            "comet_runs",
            run_id=run_id,
            recorded_date=day,
            timezone="UTC",
            hashtags=list(TAGS),
            min_followers=10_000,
            max_followers=100_000,
            min_video_views=50_000,
            pages_per_hashtag=5,
            page_size=20,
            publish_time_days=0,
            region="US",
            max_api_calls=2000,
            is_refresh=False,
            is_live=True,
            accepted_at=at(day, hour),
        )
        insert(
            connection,
            "comet_gates",
            run_id=run_id,
            gate="search.items_accounted_for",
            figure=0,
            threshold=0,
            is_tripped=False,
            sentence="All items are accounted for.",
        )
        for user_id in ("101", "104"):
            insert(
                connection,
                "comet_run_discoveries",
                run_id=run_id,
                user_id=user_id,
                video_id="9001",
                hashtag="cozygaming",
                follower_count=40_000,
                play_count=500_000,
            )
        for number in range(4):
            insert(
                connection,
                "comet_calls",
                run_id=run_id,
                clear_number=0,
                route="search",
                hashtag=TAGS[number % 3],
                reserved_at=at(day, hour),
                finished_at=at(day, hour),
                status_code=200,
                is_billed=number != 3,
            )
        if has_report:
            report(connection, run_id)
    hashtag_figures(connection, asked[-1][0], "cozygaming", tagged_count=5, new_comet_count=3, billed_count=4)
    insert(
        connection,
        "comet_gates",
        run_id=asked[-1][0],
        gate="roll_call.answered",
        figure=0.2,
        threshold=0.5,
        is_tripped=True,
        sentence=f"TikHub answered for 20% of the creators only {EVIL}.",
    )


def report(connection: psycopg.Connection[Row], run_id: str) -> None:
    """The figures that the report of a run has counted."""
    insert(
        connection,
        "comet_run_reports",
        run_id=run_id,
        received_count=21,
        landed_count=18,
        rejected_count=3,
        comet_count=6,
        new_comet_count=1,
        call_count=10,
        billed_count=8,
        stop_reasons=["The budget is spent: <b>clear</b> the failed tasks."],
    )
    for place, tag in enumerate(TAGS):
        # Of 12 videos of #gymtok 2 carry it.
        tagged_count = 1 if tag == "gymtok" else 3 + place
        hashtag_figures(connection, run_id, tag, tagged_count=tagged_count, new_comet_count=2 - place, billed_count=2)


def hashtag_figures(connection: psycopg.Connection[Row], run_id: str, tag: str, **figures: Any) -> None:
    """What a run has counted for a hashtag."""
    insert(
        connection,
        "comet_run_hashtags",
        run_id=run_id,
        hashtag=tag,
        received_count=7,
        landed_count=6,
        rejected_count=1,
        video_count=6,
        comet_count=6,
        call_count=5,
        **figures,
    )
