"""Searches through the SDK."""

from collections.abc import Iterator
from typing import Any

from tikhub import TikHub

SEARCH = "/api/v1/tiktok/app/v3/fetch_video_search_result"

Json = dict[str, Any]


def search(sdk: TikHub, keyword: str = "gymtok", **params: Any) -> Json:
    """Return the data of one page."""
    data: Json = sdk.tiktok_app_v3.fetch_video_search_result(keyword=keyword, **params)["data"]
    return data


def profile(sdk: TikHub, **identifier: str) -> Json:
    """Return the user of a profile."""
    user: Json = sdk.tiktok_app_v3.handler_user_profile(**identifier)["data"]["user"]
    return user


def pages(sdk: TikHub, keyword: str, **params: Any) -> Iterator[Json]:
    """Yield the data of each page until `has_more` is 0."""
    offset = 0
    while True:
        page = search(sdk, keyword, offset=offset, **params)
        yield page
        if not page["has_more"]:
            return
        offset = page["cursor"]


def all_rows(sdk: TikHub, keyword: str, **params: Any) -> list[Json]:
    """Return the rows of all pages."""
    return [row for page in pages(sdk, keyword, **params) for row in page["search_item_list"]]


def all_videos(sdk: TikHub, keyword: str, **params: Any) -> dict[str, Json]:
    """Return the distinct videos of a search by id."""
    rows = all_rows(sdk, keyword, **params)
    return {row["aweme_info"]["aweme_id"]: row["aweme_info"] for row in rows if "aweme_info" in row}


def comets(videos: dict[str, Json]) -> set[str]:
    """Return the uids of Comets among the authors, judged by search data."""
    return {
        video["author"]["uid"]
        for video in videos.values()
        if 10_000 <= video["author"].get("follower_count", 0) <= 100_000 and video["statistics"]["play_count"] >= 50_000
    }


def find_author(sdk: TikHub) -> Json:
    """Return an author with a follower count."""
    author: Json = next(
        video["author"] for video in all_videos(sdk, "gymtok").values() if video["author"].get("follower_count")
    )
    return author
