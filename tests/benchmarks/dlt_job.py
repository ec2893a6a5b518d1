"""The search of hashtags and the landing of their videos, in dlt: `python -m tests.benchmarks.dlt_job --help`.

The search is the one of comets.hooks.tikhub, and a video's columns are those that the package keeps.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import psycopg

from tests.benchmarks.dlt_pipeline import dlt_pipeline, load_dlt

SEARCH_ROUTE = "api/v1/tiktok/app/v3/fetch_video_search_result"
SCHEMA = "dlt_job"
PAGE_SIZE = 20
# With 5 calls a second allowed and 1 s for each, 8 took 27 s, dlt's default of 5 took 30 s, and 20, half of whose calls
# were refused, 35 s.
WORKERS = 8
API_KEY = "any-key-will-do-for-the-sandbox"


def run_dlt(
    sandbox_url: str, hashtags: Sequence[str], pages: int, database_url: str, workers: int = WORKERS
) -> set[str]:
    """Search the hashtags and land their videos in PostgreSQL; return the ids of the videos that are there then.

    :param hashtags: without `#`, each once
    :param pages: at most so many calls for each hashtag
    :param workers: hashtags that are searched at the same time
    :raises dlt.pipeline.exceptions.PipelineStepFailed: a call or the landing failed for good
    """
    load_dlt().config["extract.workers"] = workers
    with dlt_pipeline(database_url, SCHEMA) as pipeline:
        pipeline.run(search_source(sandbox_url, hashtags, pages))
        with psycopg.connect(database_url) as connection:
            return {video_id for (video_id,) in connection.execute("select distinct video_id from dlt_job.videos")}


def search_source(sandbox_url: str, hashtags: Sequence[str], pages: int) -> Any:
    """The dlt source: a resource for each hashtag, all of them into one table."""
    from dlt.sources.rest_api import rest_api_source

    return rest_api_source(
        {
            "client": {"base_url": sandbox_url, "auth": {"type": "bearer", "token": API_KEY}},
            "resource_defaults": {
                "table_name": "videos",
                "primary_key": ["hashtag", "video_id"],
                # The strategy that is dlt's default, as `upsert` fails where a search shows a video on two pages.
                "write_disposition": {"disposition": "merge", "strategy": "delete-insert"},
            },
            "resources": [resource(hashtag, pages) for hashtag in hashtags],
        },
        max_table_nesting=0,
        parallelized=True,
    )


def resource(hashtag: str, pages: int) -> dict[str, Any]:
    """One hashtag's search."""
    return {
        "name": f"search_{hashtag}",
        "endpoint": {
            "path": SEARCH_ROUTE,
            "params": {
                "keyword": hashtag,
                "offset": 0,
                "count": PAGE_SIZE,
                "sort_type": 0,
                "publish_time": 0,
                "region": "US",
            },
            "paginator": search_paginator(pages),
            "data_selector": "data.search_item_list",
        },
        "processing_steps": [
            {"filter": lambda item: bool((item.get("aweme_info") or {}).get("aweme_id"))},
            {"map": lambda item: video_of(hashtag, item["aweme_info"])},
        ],
    }


def search_paginator(pages: int) -> Any:
    """Follows the answer's cursor as dlt's own does, which takes no 0 or 1 for whether there is more."""
    from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

    class SearchPaginator(JSONResponseCursorPaginator):  # type: ignore[misc]
        """Ends after so many pages, too."""

        _pages_left = pages

        def update_state(self, response: Any, data: list[Any] | None = None) -> None:
            super().update_state(response, data)
            self._pages_left -= 1
            self._has_next_page = bool(self._pages_left and data and response.json()["data"]["has_more"])

    return SearchPaginator(cursor_path="data.cursor", cursor_param="offset")


def video_of(hashtag: str, video: dict[str, Any]) -> dict[str, Any]:
    """A row of the table."""
    author = video.get("author") or {}
    counts = video.get("statistics") or {}
    avatars = (author.get("avatar_thumb") or {}).get("url_list") or [None]
    return {
        "hashtag": hashtag,
        "video_id": video["aweme_id"],
        "published_at": video.get("create_time"),
        "caption": video.get("desc"),
        "play_count": counts.get("play_count"),
        "like_count": counts.get("digg_count"),
        "comment_count": counts.get("comment_count"),
        "share_count": counts.get("share_count"),
        "save_count": counts.get("collect_count"),
        "user_id": author.get("uid"),
        "sec_uid": author.get("sec_uid"),
        "handle": author.get("unique_id"),
        "nickname": author.get("nickname"),
        "avatar_url": avatars[0],
        "follower_count": author.get("follower_count"),
    }


def main(arguments: Sequence[str]) -> int:
    """Run the job once and print its figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.dlt_job", description=__doc__)
    parser.add_argument("--sandbox", required=True, metavar="URL", help="the TikHub sandbox")
    parser.add_argument("--database", required=True, metavar="URL", help="a PostgreSQL database")
    parser.add_argument("--pages", type=int, default=5, metavar="N", help="calls for each hashtag at most")
    parser.add_argument("--hashtag", action="append", required=True, dest="hashtags", help="may be given many times")
    parser.add_argument("--workers", type=int, default=WORKERS, metavar="N", help="hashtags at the same time")
    given = parser.parse_args(arguments)
    # Not part of the job, as Airflow's start is no part of the package's.
    load_dlt()
    begun = time.perf_counter()
    video_ids = run_dlt(given.sandbox, given.hashtags, given.pages, given.database, given.workers)
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "video_count": len(video_ids), "video_ids": sorted(video_ids)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
