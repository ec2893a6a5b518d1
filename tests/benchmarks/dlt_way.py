"""A day in dlt: REST sources, parallel resources and merges for TikHub's responses, SQL for the rest.

It has no rate limit of its own, retries rejected calls, and stores only what growth needs.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.benchmarks.common import PAGE_SIZE, PROFILE_PATH, SEARCH_PATH, Criteria

MERGE = {"disposition": "merge", "strategy": "delete-insert"}
SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    # dlt would import Airflow to read secrets, which takes seconds.
    "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",
    # The default of 5 attempts of a rate-limited call fails the pipeline.
    "RUNTIME__REQUEST_MAX_ATTEMPTS": "50",
    # At 5 calls/s and 1 s latency, 8 took 27 s, the default of 5 30 s, and 20 35 s.
    "EXTRACT__WORKERS": "8",
}

TABLES = """
create schema dlt_days;
create table dlt_days.creators (user_id text primary key);
create table dlt_days.creator_stats (
    user_id text,
    recorded_date date,
    follower_count bigint,
    daily_growth_followers bigint,
    primary key (user_id, recorded_date)
)
"""

UNKNOWN_AUTHORS = """
select distinct user_id
from dlt_days.videos
where found_on = %(day)s
group by hashtag, user_id
having count(nullif(follower_count, 0)) = 0 and max(play_count) >= %(min_video_views)s
"""

FIND_COMETS = """
insert into dlt_days.creators
with latest as (
    select distinct on (hashtag, user_id) hashtag, user_id, follower_count
    from dlt_days.videos
    where found_on = %(day)s and follower_count > 0
    order by hashtag asc, user_id asc, found_position desc
)
select distinct video.user_id
from dlt_days.videos as video
left join latest on video.hashtag = latest.hashtag and video.user_id = latest.user_id
left join dlt_days.profiles as profile on video.user_id = profile.user_id and profile.recorded_date = %(day)s
where
    video.found_on = %(day)s
    and video.play_count >= %(min_video_views)s
    and coalesce(latest.follower_count, profile.follower_count) between %(min_followers)s and %(max_followers)s
on conflict do nothing
"""

UNREAD_CREATORS = """
select user_id from dlt_days.creators
except
select user_id from dlt_days.profiles where recorded_date = %(day)s
"""

RECORD_GROWTH = """
insert into dlt_days.creator_stats
select
    user_id,
    today.recorded_date,
    today.follower_count,
    coalesce(today.follower_count - earlier.follower_count, 0)
from dlt_days.creators
inner join dlt_days.profiles as today using (user_id)
left join (select * from dlt_days.creator_stats where recorded_date = %(day)s - 1) as earlier using (user_id)
where today.recorded_date = %(day)s and today.follower_count is not null
"""


class DltWay:
    """dlt in its own empty database.

    :param url: base URL of TikHub
    """

    snapshot_table = "dlt_days.creator_stats"

    def __init__(self, url: str, database_url: str) -> None:
        os.environ.update(SETTINGS)
        # dlt reads its settings at import, which is not timed.
        import dlt.sources.rest_api

        self._dlt: Any = dlt
        self._client = {"base_url": url, "auth": {"type": "bearer", "token": "key-of-the-benchmark"}}
        self._database_url = database_url
        self._folder = tempfile.TemporaryDirectory(prefix="comets-dlt-")
        self._pipeline: Any = dlt.pipeline(
            pipeline_name="comets_benchmark",
            pipelines_dir=self._folder.name,
            destination=dlt.destinations.postgres(credentials(database_url, Path(self._folder.name))),
            dataset_name="dlt_days",
        )
        with psycopg.connect(database_url) as connection:
            connection.execute(TABLES)

    def run_day(self, day: date, hashtags: Sequence[str], pages: int, criteria: Criteria) -> None:
        """Search, store Comets, fetch the profiles of tracked creators, and record growth."""
        parameters = {"day": day, **asdict(criteria)}
        self._pipeline.run(self._searches(day, hashtags, pages))
        self._read_profiles(day, self._execute(UNKNOWN_AUTHORS, parameters))
        self._execute(FIND_COMETS, parameters)
        self._read_profiles(day, self._execute(UNREAD_CREATORS, parameters))
        self._execute(RECORD_GROWTH, parameters)

    def _execute(self, statement: str, parameters: dict[str, Any]) -> list[str]:
        with psycopg.connect(self._database_url) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return [user_id for (user_id,) in cursor] if cursor.description else []

    def _searches(self, day: date, hashtags: Sequence[str], pages: int) -> Any:
        places = count()
        source = self._source([search_resource(hashtag, pages) for hashtag in hashtags])
        for resource in source.resources.values():
            resource.apply_hints(columns={"found_position": {"dedup_sort": "desc", "data_type": "bigint"}})
            resource.add_map(lambda video: {**video, "found_on": day, "found_position": next(places)})
        return source

    def _read_profiles(self, day: date, user_ids: Sequence[str]) -> None:
        if user_ids:
            # Pages of one creator: dlt runs pages in parallel, but the rows of a page in sequence.
            pages = [[{"user_id": user_id}] for user_id in user_ids]
            wanted = self._dlt.resource(pages, name="wanted", selected=False)
            self._pipeline.run(self._source([wanted, profile_resource(day)]))

    def _source(self, resources: list[Any]) -> Any:
        config = {"client": self._client, "resources": resources}
        return self._dlt.sources.rest_api.rest_api_source(config, max_table_nesting=0, parallelized=True)


def search_resource(hashtag: str, pages: int) -> dict[str, Any]:
    """Return the resource for a hashtag's search; all merge into one table."""
    return {
        "name": f"search_{hashtag}",
        "table_name": "videos",
        "primary_key": ["hashtag", "video_id"],
        "write_disposition": MERGE,
        "endpoint": {
            "path": SEARCH_PATH.lstrip("/"),
            "params": {"keyword": hashtag, "region": "US"},
            "paginator": {
                "type": "offset",
                "limit": PAGE_SIZE,
                "limit_param": "count",
                "total_path": None,
                "maximum_offset": pages * PAGE_SIZE,
            },
            "data_selector": "data.search_item_list",
        },
        "processing_steps": [
            {"filter": lambda item: bool((item.get("aweme_info") or {}).get("aweme_id"))},
            {"map": lambda item: video_row(hashtag, item["aweme_info"])},
        ],
    }


def profile_resource(day: date) -> dict[str, Any]:
    """Return the resource for the profiles of `wanted`, without unknown accounts."""
    return {
        "name": "profiles",
        "primary_key": ["user_id", "recorded_date"],
        "write_disposition": MERGE,
        "endpoint": {
            "path": PROFILE_PATH.lstrip("/"),
            "params": {"user_id": "{resources.wanted.user_id}"},
            "paginator": "single_page",
            "data_selector": "data.user",
            "response_actions": [{"status_code": 400, "action": "ignore"}],
        },
        "processing_steps": [{"map": lambda user: profile_row(day, user)}],
    }


def video_row(hashtag: str, video: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a video."""
    author = video["author"]
    return {
        "hashtag": hashtag,
        "video_id": video["aweme_id"],
        "published_at": video.get("create_time"),
        "play_count": video["statistics"]["play_count"],
        "user_id": author["uid"],
        "handle": author.get("unique_id"),
        "follower_count": author.get("follower_count"),
    }


def profile_row(day: date, user: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a profile."""
    return {
        "user_id": user["uid"],
        "recorded_date": day,
        "follower_count": user.get("follower_count"),
        "heart_count": user.get("total_favorited"),
        "video_count": user.get("aweme_count"),
    }


def credentials(database_url: str, folder: Path) -> str:
    """Return a database's URL for dlt, with a symlink to the socket's folder.

    dlt requires a password and a host, and cannot read paths with spaces.
    """
    parts = conninfo_to_dict(database_url)
    link = folder / "socket"
    link.symlink_to(str(parts["host"]))
    return f"postgresql://{parts['user']}:none@localhost:{parts['port']}/{parts['dbname']}?host={link}"
