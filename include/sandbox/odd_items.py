"""Odd rows: what a careful reader of TikHub's answers must survive."""

from collections.abc import Callable
from typing import Any

from include.sandbox.faults import OddItem

Json = dict[str, Any]

_COUNTS = (
    "play_count",
    "digg_count",
    "comment_count",
    "share_count",
    "collect_count",
    "follower_count",
    "aweme_count",
    "total_favorited",
)
_LARGE = 2**31 + 11


def odd_rows(rows: list[Any], kinds: list[OddItem]) -> list[Any]:
    """Return the rows with the first kind applied to the first row that is a video, and so on."""
    left = list(kinds)
    return [_odd_row(row, left.pop(0)) if left and "aweme_info" in row else row for row in rows]


def odd_user(user: Json, kinds: list[OddItem]) -> Json | None:
    """Return a profile's user with all kinds applied that concern an author."""
    video: Json = {"author": user}
    for kind in kinds:
        if kind in _CHANGES:
            _CHANGES[kind](video)
    changed: Json | None = video["author"]
    return changed


def _odd_row(row: Json, kind: OddItem) -> Json | None:
    if kind == "null_item":
        return None
    if kind in _CHANGES:
        _CHANGES[kind](row["aweme_info"])
    return row


def _missing_video_id(video: Json) -> None:
    video.pop("aweme_id", None)
    video.get("statistics", {}).pop("aweme_id", None)


def _missing_author_ids(video: Json) -> None:
    video.pop("author_user_id", None)
    for name in ("uid", "sec_uid", "unique_id"):
        video["author"].pop(name, None)


def _null_author(video: Json) -> None:
    video["author"] = None


def _null_statistics(video: Json) -> None:
    video["statistics"] = None


def _each_count(video: Json, change: Callable[[int], Any]) -> None:
    for part in (video.get("statistics"), video["author"]):
        for name in _COUNTS:
            if part and part.get(name) is not None:
                part[name] = change(part[name])


def _numeric_strings(video: Json) -> None:
    _each_count(video, str)
    if "create_time" in video:
        video["create_time"] = str(video["create_time"])


def _set_nickname(text: str) -> Callable[[Json], None]:
    def change(video: Json) -> None:
        video["author"]["nickname"] = text

    return change


def _missing_follower_count(video: Json) -> None:
    video["author"].pop("follower_count", None)


def _zero_follower_count(video: Json) -> None:
    video["author"]["follower_count"] = 0


_CHANGES: dict[OddItem, Callable[[Json], None]] = {
    "missing_video_id": _missing_video_id,
    "missing_author_ids": _missing_author_ids,
    "null_author": _null_author,
    "null_statistics": _null_statistics,
    "numeric_strings": _numeric_strings,
    "nul_nickname": _set_nickname("zero\x00byte"),
    "lone_surrogate_nickname": _set_nickname("half \ud83d pair"),
    "large_counts": lambda video: _each_count(video, lambda count: count + _LARGE),
    "negative_counts": lambda video: _each_count(video, lambda count: -1 - count),
    "text_counts": lambda video: _each_count(video, lambda count: f"{count / 1000:.1f}K"),
    "missing_follower_count": _missing_follower_count,
    "zero_follower_count": _zero_follower_count,
}
