"""Land runs, searches and profiles as rows, and execute the SQL steps of a run as Airflow does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import count
from typing import Any, LiteralString, TypeAlias
from zoneinfo import ZoneInfo

import psycopg
from airflow.providers.common.sql.hooks.sql import DbApiHook

from tests.conftest import PROJECT_FOLDER

SQL_FOLDER = PROJECT_FOLDER / "include" / "sql"
STEPS = ("filter_comets", "upsert_creators", "record_growth", "score_creators")
HASHTAG = "cozygaming"
DAY = date(2026, 3, 1)
WEIGHTS = {"growth": 0.35, "acceleration": 0.15, "engagement": 0.2, "reach": 0.2, "breakout": 0.1}
SCORED_AT = "2026-03-01 02:10:00+00"
TIMEOUTS = {"statement_timeout": "60000", "lock_timeout": "30000"}
PARAMETERS = {
    **TIMEOUTS,
    "score_version": 1,
    "score_weights": json.dumps(WEIGHTS),
    "scored_at": SCORED_AT,
}
"""The parameters of a SQL step apart from run_id; timeouts in milliseconds."""

# Without row numbers and the machine's clock, which differ between equal runs.
CONTENTS = {
    "creators": "*",
    "creator_stats": "user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, "
    "daily_growth_percent, basis, counted_at, gap_days",
    "comet_dates": "*",
    "comet_discoveries": "*",
    "comet_handles": "*",
    "comet_searches": "recorded_date, hashtag, attempt_number, next_offset, stop_reason",
    "comet_pages": "page_offset, received_count, landed_count, rejected_count, observed_at",
    "comet_videos": "item_position, video_id, play_count, user_id, follower_count",
    "comet_profiles": "recorded_date, run_id, user_id, outcome, observed_at, follower_count",
    "comet_roll_call": "*",
    "comet_quality_checks": "*",
    "comet_scores": "to_jsonb(comet_scores) - 'scored_at' as score",
}

TABLES: LiteralString = """
    select table_name::text
    from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'comet_schema'
    order by 1
"""

Row: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Video:
    """A landed video whose author is a Comet by the default criteria."""

    user_id: str = "71"
    video_id: str = "v1"
    play_count: int | None = 50_000
    follower_count: int | None = 20_000
    published_at: datetime | None = datetime(2026, 1, 1, tzinfo=UTC)
    handle: str | None = "ada"
    nickname: str | None = None
    avatar_url: str | None = None
    signature: str | None = None
    sec_uid: str | None = None
    is_tagged: bool | None = None
    like_count: int | None = None
    comment_count: int | None = None
    share_count: int | None = None
    hashtags: list[str] | None = None


@dataclass(frozen=True)
class Profile:
    """A landed profile outcome."""

    user_id: str = "71"
    follower_count: int | None = None
    heart_count: int | None = None
    video_count: int | None = None
    outcome: str = "found"
    handle: str | None = None
    nickname: str | None = None
    avatar_url: str | None = None
    signature: str | None = None
    sec_uid: str | None = None


@dataclass(frozen=True)
class Run:
    """The request of a run."""

    run_id: str
    recorded_date: date = DAY
    timezone: str = "UTC"
    hashtags: Sequence[str] = (HASHTAG,)
    min_followers: int = 10_000
    max_followers: int = 100_000
    min_video_views: int = 50_000
    min_video_likes: int = 0
    publish_time_days: int = 0
    region: str = "US"
    is_refresh: bool = False
    is_live: bool = True


@dataclass
class Facts:
    """Land rows in a creators' database and execute the SQL steps on them."""

    connection: psycopg.Connection[Row]
    timezone: str = "UTC"
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def accept(self, **request: Any) -> str:
        """Store the request of a run and return its run_id."""
        run = Run(**{"run_id": f"run {next(self._numbers)}", "timezone": self.timezone, **request})
        self._insert(
            "comet_runs",
            {
                **vars(run),
                "hashtags": list(run.hashtags),
                "pages_per_hashtag": 5,
                "page_size": 20,
                "max_api_calls": 500,
                "accepted_at": noon(run.recorded_date),
            },
            on_conflict="do nothing",
        )
        return run.run_id

    def land_page(
        self,
        *videos: Video,
        recorded_date: date = DAY,
        observed_at: datetime | None = None,
        hashtag: str = HASHTAG,
        region: str = "US",
        publish_time_days: int = 0,
        stop_reason: str | None = "exhausted",
        attempt_number: int = 1,
        run_id: str = "landing",
    ) -> None:
        """Land a page of the search of a date; create the search with its first page."""
        key = {
            "recorded_date": recorded_date,
            "hashtag": hashtag,
            "region": region,
            "publish_time_days": publish_time_days,
        }
        search = {"run_id": "landing", "attempt_number": 1, "next_offset": 0}
        (search_id,) = self._insert(
            "comet_searches",
            {**key, **search, "stop_reason": stop_reason},
            on_conflict=(
                "(recorded_date, hashtag, region, publish_time_days) do update set stop_reason = excluded.stop_reason"
            ),
            returning="search_id",
        )
        (page_id,) = self._insert(
            "comet_pages",
            {
                "search_id": search_id,
                "attempt_number": attempt_number,
                "run_id": run_id,
                "page_offset": next(self._numbers),
                "page_size": 20,
                "received_count": len(videos),
                "landed_count": len(videos),
                "rejected_count": 0,
                "observed_at": observed_at or noon(recorded_date),
            },
            returning="page_id",
        )
        reading = self._reading(recorded_date, observed_at)
        for position, video in enumerate(videos):
            self._insert("comet_videos", {"page_id": page_id, "item_position": position, **reading, **vars(video)})

    def land_profile(
        self,
        profile: Profile,
        recorded_date: date = DAY,
        observed_at: datetime | None = None,
        run_id: str = "landing",
        asked_id: str | None = None,
    ) -> None:
        """Land a profile outcome for a date.

        :param asked_id: the id that was fetched, by default the profile's own
        """
        self._insert(
            "comet_profiles",
            {
                "run_id": run_id,
                "asked_id": asked_id or profile.user_id,
                **self._reading(recorded_date, observed_at),
                **vars(profile),
            },
        )

    def observe(self, follower_count: int | None, on: date, *, user_id: str = "71", **profile: Any) -> None:
        """Land a profile that was read on its own date."""
        self.land_profile(Profile(user_id, follower_count, **profile), on)

    def step(self, name: str, run_id: str, **others: Any) -> None:
        """Execute one SQL step of a run."""
        run_step(self.connection, name, run_id, **others)

    def run(self, recorded_date: date = DAY, scored_at: str = SCORED_AT, **request: Any) -> str:
        """Accept a run and execute all its SQL steps; return its run_id."""
        run_id = self.accept(recorded_date=recorded_date, **request)
        self.run_again(run_id, scored_at)
        return run_id

    def run_again(self, run_id: str, scored_at: str = SCORED_AT) -> None:
        """Execute all SQL steps of an accepted run."""
        for name in STEPS:
            self.step(name, run_id, scored_at=scored_at)

    def rows(self, query: LiteralString, *parameters: Any) -> list[Row]:
        """Return the rows of a query."""
        return self.connection.execute(query, parameters).fetchall()

    def _reading(self, recorded_date: date, observed_at: datetime | None) -> dict[str, Any]:
        instant = observed_at or noon(recorded_date)
        observed_date = instant.astimezone(ZoneInfo(self.timezone)).date()
        return {"recorded_date": recorded_date, "observed_at": instant, "observed_date": observed_date}

    def _insert(self, table: str, row: dict[str, Any], *, on_conflict: str = "", returning: str = "1") -> Row:
        columns = ", ".join(row)
        values = ", ".join(["%s"] * len(row))
        conflict = f"on conflict {on_conflict}" if on_conflict else ""
        query = f"insert into {table} ({columns}) values ({values}) {conflict} returning {returning}"
        return self.connection.execute(query, list(row.values())).fetchone() or ()


def run_step(connection: psycopg.Connection[Row], name: str, run_id: str, **others: Any) -> None:
    """Execute a SQL file as SQLExecuteQueryOperator(split_statements=True) does: split, bound, one transaction.

    :param others: parameters that differ from PARAMETERS
    """
    with connection.transaction():
        for statement in statements(name):
            connection.execute(statement, {"run_id": run_id, **PARAMETERS, **others})


@cache
def statements(name: str) -> list[LiteralString]:
    """Return the statements of a SQL file as the operator splits it, cached because splitting is slow."""
    text = (SQL_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return DbApiHook.split_sql_string(text)


def clear_tables(connection: psycopg.Connection[Row]) -> None:
    """Empty all tables but comet_schema. Deleting few rows takes less time than truncating."""
    connection.execute(
        """
        delete from comet_run_discoveries;
        delete from comet_discoveries;
        delete from comet_dates;
        delete from comet_quality_checks;
        delete from comet_runs;
        delete from comet_hashtag_days;
        delete from comet_calls;
        delete from comet_skipped_calls;
        delete from comet_rate_limits;
        delete from comet_rejected_items;
        delete from comet_videos;
        delete from comet_pages;
        delete from comet_searches;
        delete from comet_profiles;
        delete from comet_roll_call;
        delete from comet_handles;
        delete from creator_stats;
        delete from creators;
        delete from comet_erased_ids;
        delete from comet_scores;
        delete from comet_notifications;
        """
    )


def everything(connection: psycopg.Connection[Row]) -> list[Row]:
    """Return (table, row, transaction that wrote it) of all tables but comet_schema."""
    rows = []
    for (table,) in connection.execute(TABLES).fetchall():
        query = f"select %s, to_jsonb(t)::text, xmin::text from {table} as t"
        rows += connection.execute(query.encode(), [table]).fetchall()
    return sorted(rows)


def noon(day: date) -> datetime:
    """Return 12:00 UTC of a date."""
    return datetime.combine(day, time(12), UTC)


def day(number: int) -> date:
    """Return the date `number` days after DAY."""
    return DAY + timedelta(days=number)
