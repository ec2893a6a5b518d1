"""A whole day in dlt: REST sources and merges for what TikHub is asked for, SQL for what is worked out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from tests.benchmarks.dlt_job import API_KEY, WORKERS, search_source
from tests.benchmarks.dlt_pipeline import dlt_pipeline, load_dlt
from tests.benchmarks.job_criteria import Criteria

SCHEMA = "dlt_days"
PROFILE_ROUTE = "api/v1/tiktok/app/v3/handler_user_profile"
SQL_FOLDER = Path(__file__).with_name("job_sql")

TABLES = f"""
create table {SCHEMA}.creators (user_id text primary key, handle text, nickname text, avatar_url text);
create table {SCHEMA}.creator_stats (
    user_id text not null,
    recorded_date date not null,
    follower_count bigint,
    heart_count bigint,
    video_count bigint,
    daily_growth_followers bigint,
    daily_growth_percent numeric,
    primary key (user_id, recorded_date)
);
"""


class DltDay:
    """The work of one day."""

    def __init__(self, pipeline: Any, sandbox_url: str, connection: psycopg.Connection[Any]) -> None:
        self._pipeline = pipeline
        self._url = sandbox_url
        self._connection = connection

    def run(self, day: date, hashtags: Sequence[str], pages: int, criteria: Criteria) -> None:
        """Search, keep the Comets, read the profile of each tracked creator, and record growth."""
        parameters = {"day": day, **asdict(criteria)}
        self._pipeline.run(self._searches(day, hashtags, pages))
        # dlt makes the table of profiles with its first rows: the searches of the sandbox always hide some counts.
        self._read_profiles(day, self._ids("unknown_authors", parameters))
        self._execute("find_comets", parameters)
        self._read_profiles(day, self._ids("unread_creators", parameters))
        self._execute("record_growth", parameters)

    def _searches(self, day: date, hashtags: Sequence[str], pages: int) -> Any:
        source = search_source(self._url, hashtags, pages)
        for resource in source.resources.values():
            resource.apply_hints(columns={"found_position": {"dedup_sort": "desc", "data_type": "bigint"}})
            resource.add_map(with_place(day))
        return source

    def _read_profiles(self, day: date, user_ids: Sequence[str]) -> None:
        if user_ids:
            self._pipeline.run(profile_source(self._url, day, user_ids))

    def _ids(self, name: str, parameters: dict[str, Any]) -> list[str]:
        return [user_id for (user_id,) in self._execute(name, parameters).fetchall()]

    def _execute(self, name: str, parameters: dict[str, Any]) -> psycopg.Cursor[Any]:
        return self._connection.execute((SQL_FOLDER / f"{name}.sql").read_bytes(), parameters)


def with_place(day: date) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Adds the day, and which place a video has in its search: the last count of an author counts."""
    places = count()
    return lambda video: {**video, "found_on": day, "found_position": next(places)}


def profile_source(sandbox_url: str, day: date, user_ids: Iterable[str]) -> Any:
    """The dlt source of the profiles of these creators."""
    from dlt.sources.rest_api import rest_api_source

    # Pages of one creator: dlt asks for those of a page one after the other, and for pages side by side.
    asked = load_dlt().resource([[{"user_id": user_id}] for user_id in user_ids], name="asked", selected=False)
    return rest_api_source(
        {
            "client": {"base_url": sandbox_url, "auth": {"type": "bearer", "token": API_KEY}},
            "resources": [
                asked,
                {
                    "name": "profiles",
                    "primary_key": ["user_id", "recorded_date"],
                    "write_disposition": {"disposition": "merge", "strategy": "delete-insert"},
                    "endpoint": {
                        "path": PROFILE_ROUTE,
                        "params": {"user_id": "{resources.asked.user_id}"},
                        "paginator": "single_page",
                        "data_selector": "data.user",
                        "response_actions": [{"status_code": 400, "action": "ignore"}],
                    },
                    "processing_steps": [{"map": lambda user: profile_of(day, user)}],
                },
            ],
        },
        max_table_nesting=0,
        parallelized=True,
    )


def profile_of(day: date, user: dict[str, Any]) -> dict[str, Any]:
    """A row of the table."""
    return {
        "user_id": user["uid"],
        "recorded_date": day,
        "handle": user.get("unique_id"),
        "nickname": user.get("nickname"),
        "follower_count": user.get("follower_count"),
        "heart_count": user.get("total_favorited"),
        "video_count": user.get("aweme_count"),
    }


@contextmanager
def dlt_days(sandbox_url: str, database_url: str) -> Iterator[tuple[Callable[..., None], str]]:
    """The function that does a day, and the table with the rows of all days."""
    load_dlt().config["extract.workers"] = WORKERS
    with (
        dlt_pipeline(database_url, SCHEMA) as pipeline,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        connection.execute(f"create schema {SCHEMA}".encode())
        connection.execute(TABLES.encode())
        yield DltDay(pipeline, sandbox_url, connection).run, f"{SCHEMA}.creator_stats"
