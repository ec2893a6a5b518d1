"""Made-up runs and their reports."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tests.page.table_rows import EVIL, TAGS, TODAY, YESTERDAY, at, insert
from tests.steps.builders import Row


def runs(connection: psycopg.Connection[Row]) -> None:
    """Insert one run of yesterday and three of today: one with one hashtag, the last one stopped without a report."""
    specs = [
        (f"scheduled__{YESTERDAY}T02:00:00+00:00", YESTERDAY, 2, True),
        (f"scheduled__{TODAY}T02:00:00+00:00", TODAY, 2, True),
        (f"manual__{TODAY}T06:00:00+00:00", TODAY, 6, True),
        (f"manual__{TODAY}T09:00:00+00:00", TODAY, 9, False),
    ]
    for run_id, day, hour, has_report in specs:
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
            "comet_quality_checks",
            run_id=run_id,
            check_name="search.items_accounted_for",
            measured_value=0,
            threshold=0,
            is_failed=False,
            message="All items are accounted for.",
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
                found_at=at(day, hour),
            )
        for number in range(4):
            insert(
                connection,
                "comet_calls",
                run_id=run_id,
                run_attempt=0,
                route="search",
                hashtag=TAGS[number % 3],
                reserved_at=at(day, hour),
                finished_at=at(day, hour),
                status_code=200,
                is_billed=number != 3,
            )
        if has_report:
            report(connection, run_id)
    connection.execute("delete from comet_hashtag_results where run_id = %s", [specs[2][0]])
    insert(connection, "comet_hashtag_results", run_id=specs[2][0], **hashtag_counts("cozygaming", 5, 3, 4))
    insert(
        connection,
        "comet_quality_checks",
        run_id=specs[-1][0],
        check_name="roll_call.answered",
        measured_value=0.2,
        threshold=0.5,
        is_failed=True,
        message=f"TikHub answered for 20% of the creators only {EVIL}.",
    )


def report(connection: psycopg.Connection[Row], run_id: str) -> None:
    """Store the report of a run."""
    figures = {
        "received_count": 21,
        "landed_count": 18,
        "rejected_count": 3,
        "comet_count": 6,
        "new_comet_count": 1,
        "call_count": 10,
        "billed_count": 8,
        "stop_reasons": ["The budget is spent: <b>clear</b> the failed tasks."],
    }
    store(connection, run_id, figures)
    for place, tag in enumerate(TAGS):
        counts = hashtag_counts(tag, 1 if tag == "gymtok" else 3 + place, 2 - place, 2)
        insert(connection, "comet_hashtag_results", run_id=run_id, **counts)


def hashtag_counts(tag: str, tagged_count: int, new_comet_count: int, billed_count: int) -> dict[str, Any]:
    """Return the results of one hashtag."""
    return {
        "hashtag": tag,
        "video_count": 6,
        "tagged_count": tagged_count,
        "new_comet_count": new_comet_count,
        "new_tagged_comet_count": new_comet_count // 2,
        "call_count": 5,
        "billed_count": billed_count,
    }


def store(connection: psycopg.Connection[Row], run_id: str, figures: dict[str, Any]) -> None:
    """Write the report into its run."""
    connection.execute("update comet_runs set report = %s where run_id = %s", [Jsonb(figures), run_id])
