"""A database with rows of a creator to erase, and of others, in every table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.rows import dict_row

from comets.database.client import Database
from tests.steps.builders import DAY, Facts, Profile, Row, Video, day, everything, noon

UID = "7150000000000000071"
SEC_UID = "MS4wLjABAAAAerased-creator_71"
HANDLE = "erased.now"
OLD_HANDLE = "erased.before"
NICKNAME = "Erased Nick"
TRACES = (UID, SEC_UID, HANDLE, OLD_HANDLE, NICKNAME, "erased.jpg", "Erased bio")
OTHER = "7150000000000000072"
LONGER_UID = f"9{UID}"

ERASED = Video(
    UID, "v1", handle=HANDLE, sec_uid=SEC_UID, nickname=NICKNAME, avatar_url="erased.jpg", signature="Erased bio"
)


@dataclass(frozen=True)
class Item:
    """A rejected item of a landed page."""

    raw_json: str
    item_position: int = 90


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """Open the database as the tasks use it."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        yield Database(connection)


def fill(facts: Facts) -> None:
    """Store two days of three creators, the first of them in every table."""
    others = (Video(OTHER, "v2", handle="other"), Video(LONGER_UID, "v3", handle="third"))
    facts.land_page(Video(UID, "v0", handle=OLD_HANDLE, nickname=NICKNAME), *others)
    facts.run(run_id="first day")
    facts.land_page(ERASED, *others, recorded_date=day(1))
    for profile in (
        Profile(UID, 21_000, handle=HANDLE, sec_uid=SEC_UID, nickname=NICKNAME),
        Profile(OTHER, 22_000, handle="other"),
    ):
        facts.land_profile(profile, day(1), run_id="second day")
    facts.land_profile(Profile(UID, outcome="failed"), day(1))
    facts.land_profile(Profile(SEC_UID, outcome="refused"), day(1))
    facts.run(day(1), run_id="second day")
    reject(facts, Item(json.dumps({"author": {"uid": int(UID)}})))
    reject(facts, Item(json.dumps({"author": {"sec_uid": SEC_UID}}), 91))
    reject(facts, Item(json.dumps({"author": {"unique_id": OLD_HANDLE, "nickname": NICKNAME}}), 92))
    reject(facts, Item(json.dumps({"author": {"uid": LONGER_UID}}), 93))
    facts.connection.execute(
        """
        insert into comet_roll_call (run_id, user_id, batch_number)
        select 'second day', user_id, 1 from creators union all select 'second day', %(sec_uid)s, 1;
        """,
        {"sec_uid": SEC_UID},
    )
    for user_id, error in ((UID, f"no answer for {HANDLE}"), (OTHER, "no answer"), (None, f"lost {SEC_UID} in a page")):
        facts.connection.execute(
            """
            insert into comet_calls (
                run_id, run_attempt, route, user_id, hashtag, reserved_at, status_code, is_billed, error_type, error
            )
            values ('second day', 0, 'route', %s, 'cozygaming', %s, 200, true, 'TikHubTransientError', %s)
            """,
            [user_id, noon(DAY), error],
        )
    for user_id, video_id in ((UID, "v1"), (OTHER, "v2")):
        facts.connection.execute(
            "insert into comet_notifications (kind, subject_id, user_id, run_id) "
            "values ('comet', %(user_id)s, %(user_id)s, 'second day'), "
            "('breakout', %(video_id)s, %(user_id)s, 'second day')",
            {"user_id": user_id, "video_id": video_id},
        )


def reject(facts: Facts, item: Item) -> None:
    """Land a rejected item on the newest page."""
    facts.connection.execute(
        """
        with page as (
            update comet_pages
            set received_count = received_count + 1, rejected_count = rejected_count + 1
            where page_id = (select max(page_id) from comet_pages)
            returning page_id
        )

        insert into comet_rejected_items (page_id, item_position, reason, raw_json)
        select page_id, %s, 'no_video_id', %s from page
        """,
        [item.item_position, item.raw_json],
    )


def tables_with(connection: psycopg.Connection[Row], *traces: str) -> set[str]:
    """Return the tables with a row that contains one of the texts; a uid within a longer number does not count."""
    return {
        table
        for table, row, _ in everything(connection)
        if any(trace in row.replace(LONGER_UID, "") for trace in traces)
    }


def miscounted_pages(facts: Facts) -> list[Row]:
    """Return the pages with counts that differ from their rows."""
    return facts.rows(
        """
        select page.*
        from comet_pages as page
        where
            not page.is_trimmed
            and (page.received_count, page.landed_count, page.rejected_count) <> (
                (select count(*) from comet_videos where page_id = page.page_id)
                + (select count(*) from comet_rejected_items where page_id = page.page_id),
                (select count(*) from comet_videos where page_id = page.page_id),
                (select count(*) from comet_rejected_items where page_id = page.page_id)
            )
        """
    )
