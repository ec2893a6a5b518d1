"""A day in dlt: REST sources, parallel resources and merges for what TikHub answers, SQL for what is worked out of it.

It keeps no pace: a refused call is tried again.
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

SCHEMA = "dlt_days"
# With 5 calls a second allowed and 1 s for each, 8 took 27 s, dlt's default of 5 took 30 s, and 20, half of whose calls
# were refused, 35 s.
WORKERS = 8
MERGE = {"disposition": "merge", "strategy": "delete-insert"}

SETTINGS = {
    # It would tell its makers of every run.
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    # Where Airflow is installed, dlt would import it and ask its database for secrets, which takes seconds.
    "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",
    # After 5 tries of a refused call, as is its default, all fails.
    "RUNTIME__REQUEST_MAX_ATTEMPTS": "50",
    "EXTRACT__WORKERS": str(WORKERS),
}

TABLES = f"""
create schema {SCHEMA};
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
)
"""

UNKNOWN_AUTHORS = f"""
select user_id
from {SCHEMA}.videos
where found_on = %(day)s
group by user_id, hashtag
having count(nullif(follower_count, 0)) = 0 and max(play_count) >= %(min_video_views)s
"""

# An author is judged by the last count of a search, else by its profile.
FIND_COMETS = f"""
insert into {SCHEMA}.creators (user_id, handle, nickname, avatar_url)
with latest as (
    select distinct on (hashtag, user_id) hashtag, user_id, follower_count
    from {SCHEMA}.videos
    where found_on = %(day)s and follower_count > 0
    order by hashtag asc, user_id asc, found_position desc
)
select distinct on (video.user_id) video.user_id, video.handle, video.nickname, video.avatar_url
from {SCHEMA}.videos as video
left join latest on video.hashtag = latest.hashtag and video.user_id = latest.user_id
left join {SCHEMA}.profiles as profile on video.user_id = profile.user_id and profile.recorded_date = %(day)s
where
    video.found_on = %(day)s
    and video.play_count >= %(min_video_views)s
    and coalesce(latest.follower_count, profile.follower_count) between %(min_followers)s and %(max_followers)s
order by video.user_id asc
on conflict (user_id) do update set
    handle = excluded.handle,
    nickname = excluded.nickname,
    avatar_url = excluded.avatar_url
"""

UNREAD_CREATORS = f"""
select user_id from {SCHEMA}.creators
except
select user_id from {SCHEMA}.profiles where recorded_date = %(day)s
"""

RECORD_GROWTH = f"""
insert into {SCHEMA}.creator_stats (
    user_id, recorded_date, follower_count, heart_count, video_count, daily_growth_followers, daily_growth_percent
)
select
    profile.user_id,
    profile.recorded_date,
    profile.follower_count,
    profile.heart_count,
    profile.video_count,
    coalesce(profile.follower_count - earlier.follower_count, 0),
    coalesce(round(100.0 * (profile.follower_count - earlier.follower_count) / nullif(earlier.follower_count, 0), 2), 0)
from {SCHEMA}.creators as creator
inner join {SCHEMA}.profiles as profile on creator.user_id = profile.user_id and profile.recorded_date = %(day)s
left join {SCHEMA}.creator_stats as earlier
    on profile.user_id = earlier.user_id and earlier.recorded_date = %(day)s - 1
where profile.follower_count is not null
on conflict (user_id, recorded_date) do update set
    follower_count = excluded.follower_count,
    heart_count = excluded.heart_count,
    video_count = excluded.video_count,
    daily_growth_followers = excluded.daily_growth_followers,
    daily_growth_percent = excluded.daily_growth_percent
"""


class DltWay:
    """dlt's work in a database of its own, which has to be empty.

    :param url: of TikHub
    """

    def __init__(self, url: str, database_url: str) -> None:
        os.environ.update(SETTINGS)
        # Imported here because dlt reads its settings then, and outside of what is timed.
        import dlt.sources.rest_api

        self._dlt: Any = dlt
        self._client = {"base_url": url, "auth": {"type": "bearer", "token": "key-of-the-benchmark"}}
        self._database_url = database_url
        self._folder = tempfile.TemporaryDirectory(prefix="comets-dlt-")
        self._pipeline: Any = dlt.pipeline(
            pipeline_name=f"bench_{conninfo_to_dict(database_url)['dbname']}".lower(),
            pipelines_dir=self._folder.name,
            destination=dlt.destinations.postgres(credentials(database_url, Path(self._folder.name))),
            dataset_name=SCHEMA,
        )
        with psycopg.connect(database_url) as connection:
            connection.execute(TABLES.encode())

    def search(self, hashtags: Sequence[str], pages: int) -> set[str]:
        """Search the hashtags and merge their videos; return the ids of the videos."""
        self._pipeline.run(self._search_source(date.today(), hashtags, pages))
        with psycopg.connect(self._database_url) as connection:
            query = f"select distinct video_id from {SCHEMA}.videos"
            return {video_id for (video_id,) in connection.execute(query.encode())}

    def run_day(self, day: date, hashtags: Sequence[str], pages: int, criteria: Criteria) -> None:
        """Search, keep the Comets, read the profile of each tracked creator, and record growth."""
        parameters = {"day": day, **asdict(criteria)}
        self._pipeline.run(self._search_source(day, hashtags, pages))
        # dlt makes the table of profiles with its first rows: the searches of the sandbox always hide some counts.
        self._read_profiles(day, self._execute(UNKNOWN_AUTHORS, parameters))
        self._execute(FIND_COMETS, parameters)
        self._read_profiles(day, self._execute(UNREAD_CREATORS, parameters))
        self._execute(RECORD_GROWTH, parameters)

    def _execute(self, statement: str, parameters: dict[str, Any]) -> list[str]:
        with psycopg.connect(self._database_url) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return [user_id for (user_id,) in cursor] if cursor.description else []

    def _search_source(self, day: date, hashtags: Sequence[str], pages: int) -> Any:
        places = count()
        source = self._source([search_resource(hashtag, pages) for hashtag in hashtags])
        for resource in source.resources.values():
            resource.apply_hints(columns={"found_position": {"dedup_sort": "desc", "data_type": "bigint"}})
            resource.add_map(lambda video: {**video, "found_on": day, "found_position": next(places)})
        return source

    def _read_profiles(self, day: date, user_ids: Sequence[str]) -> None:
        if not user_ids:
            return
        # Pages of one creator: dlt asks for those of a page one after the other, and for pages side by side.
        wanted = [[{"user_id": user_id}] for user_id in user_ids]
        source = self._source([self._dlt.resource(wanted, name="wanted", selected=False), profile_resource(day)])
        self._pipeline.run(source)

    def _source(self, resources: list[Any]) -> Any:
        config = {"client": self._client, "resources": resources}
        return self._dlt.sources.rest_api.rest_api_source(config, max_table_nesting=0, parallelized=True)


def search_resource(hashtag: str, pages: int) -> dict[str, Any]:
    """Describe the search of a hashtag; all are merged into one table."""
    return {
        "name": f"search_{hashtag}",
        "table_name": "videos",
        "primary_key": ["hashtag", "video_id"],
        "write_disposition": MERGE,
        "endpoint": {
            "path": SEARCH_PATH.lstrip("/"),
            "params": {"keyword": hashtag, "offset": 0, "count": PAGE_SIZE, "region": "US"},
            "paginator": search_paginator(pages),
            "data_selector": "data.search_item_list",
        },
        "processing_steps": [
            {"filter": lambda item: bool((item.get("aweme_info") or {}).get("aweme_id"))},
            {"map": lambda item: video_row(hashtag, item["aweme_info"])},
        ],
    }


def profile_resource(day: date) -> dict[str, Any]:
    """Describe the profiles of the resource `wanted`; accounts that TikHub does not show are left out."""
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


def search_paginator(pages: int) -> Any:
    """Return dlt's paginator of a cursor, ended after so many pages or by a `has_more` of 0, which dlt ignores."""
    from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

    class SearchPaginator(JSONResponseCursorPaginator):  # type: ignore[misc]
        _pages_left = pages

        def update_state(self, response: Any, data: list[Any] | None = None) -> None:
            super().update_state(response, data)
            self._pages_left -= 1
            self._has_next_page = bool(self._pages_left and data and response.json()["data"]["has_more"])

    return SearchPaginator(cursor_path="data.cursor", cursor_param="offset")


def video_row(hashtag: str, video: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a video that the package keeps too."""
    author = video.get("author") or {}
    counts = video.get("statistics") or {}
    return {
        "hashtag": hashtag,
        "video_id": video["aweme_id"],
        "published_at": video.get("create_time"),
        "caption": video.get("desc"),
        **{name: counts.get(name) for name in ("play_count", "digg_count", "comment_count", "share_count")},
        "user_id": author.get("uid"),
        "sec_uid": author.get("sec_uid"),
        "handle": author.get("unique_id"),
        "nickname": author.get("nickname"),
        "avatar_url": next(iter((author.get("avatar_thumb") or {}).get("url_list") or []), None),
        "follower_count": author.get("follower_count"),
    }


def profile_row(day: date, user: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a profile."""
    return {
        "user_id": user["uid"],
        "recorded_date": day,
        "handle": user.get("unique_id"),
        "nickname": user.get("nickname"),
        "follower_count": user.get("follower_count"),
        "heart_count": user.get("total_favorited"),
        "video_count": user.get("aweme_count"),
    }


def credentials(database_url: str, folder: Path) -> dict[str, object]:
    """Return the parts of a database's URL as dlt names them.

    :param database_url: of a server with a Unix socket
    :param folder: a temporary one
    """
    parts = conninfo_to_dict(database_url)
    # dlt writes a space in the socket's folder as `+`, which PostgreSQL's library does not read as one.
    link = folder / "socket"
    link.symlink_to(str(parts["host"]))
    return {
        # A folder is no host in the URL that dlt makes of this; what follows after `?` wins.
        "host": "localhost",
        "query": {"host": str(link)},
        "port": int(str(parts["port"])),
        "username": parts["user"],
        # dlt wants one where the server does not.
        "password": "none",
        "database": parts["dbname"],
    }
