"""Fault rules: which calls fail, and how."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from include.sandbox.words import search_key

Json = dict[str, Any]

# Replacements for fields of a video; objects are merged one level deep. None replaces the whole row.
ODDITIES: dict[str, Json | None] = {
    "null_item": None,
    "null_video_id": {"aweme_id": None},
    "null_author_ids": {"author_user_id": None, "author": {"uid": None, "sec_uid": None, "unique_id": None}},
    "null_author": {"author": None},
    "null_statistics": {"statistics": None},
    "numeric_strings": {"create_time": "1772000000", "statistics": {"play_count": "112000"}},
    "nul_nickname": {"author": {"nickname": "zero\x00byte"}},
    "lone_surrogate_nickname": {"author": {"nickname": "half \ud83d pair"}},
    "large_counts": {"statistics": {"play_count": 2**31 + 11}, "author": {"follower_count": 2**31 + 11}},
    "negative_counts": {"statistics": {"play_count": -1}, "author": {"follower_count": -1}},
    "text_counts": {"statistics": {"play_count": "112.0K"}, "author": {"follower_count": "28.0K"}},
    "null_follower_count": {"author": {"follower_count": None}},
}


class Rule(BaseModel):
    """A fault, and the calls it applies to: a condition that is not set matches every call."""

    model_config = ConfigDict(extra="forbid")

    fault: Literal[
        "none",  # the usual response; later rules do not apply
        "status",  # HTTP `status` with TikHub's body for it, and a `Retry-After` header if `retry_after` is set
        "html",  # a web page of the CDN with `status` that echoes the Authorization header
        "redirect",  # 302 to another host
        "timeout",  # the response takes `delay` seconds, or until the rules are replaced
        "cut_body",  # status 200 and headers, then the connection closes in the middle of the body
        "long_body",  # the body is longer by `extra` characters
        "invalid_json",  # a complete body that is not valid JSON
        "inner_status",  # HTTP 200 whose data have the failing `status`
        "repeated_page",  # the rows of the first page, whatever the offset
        "stuck_cursor",  # a cursor that stays at the offset, with has_more 1
        "has_more",  # `value` instead of 1 or 0
        "empty_page",  # no rows although has_more is 1
        "odd_items",  # the oddities `kinds` replace fields of the first videos, in order
        "items",  # the rows are `items`, unchanged
    ]
    route: str | None = Field(default=None, description="Last part of the path.")
    keyword: str | None = Field(default=None, description="Of a search, in any spelling.")
    offset: int | None = Field(default=None, description="Of a search.")
    count_over: int | None = Field(default=None, description="Matches searches for more items than this.")
    account: str | None = Field(default=None, description="Any identifier that a profile is fetched by.")
    times: int | None = Field(default=None, ge=1, description="Number of calls it applies to; None is all.")

    status: int = 502
    retry_after: int | None = None
    delay: float = 60.0
    extra: int = 100_000
    value: bool | int | str | None = None
    kinds: list[str] = list(ODDITIES)
    items: list[Any] = []

    def matches(self, route: str, params: Mapping[str, str]) -> bool:
        """Return whether a call matches the conditions."""
        return (
            self.route in (None, route)
            and (self.keyword is None or search_key(self.keyword) == search_key(params.get("keyword", "")))
            and self.offset in (None, int(params.get("offset", 0)))
            and (self.count_over is None or self.count_over < int(params.get("count", 20)))
            and (self.account is None or self.account in params.values())
        )

    def change_data(self, data: Json, offset: int) -> Json:
        """Return the data of a response, changed by this fault."""
        match self.fault:
            case "inner_status":
                return {"status_code": self.status}
            case "stuck_cursor":
                return data | {"cursor": offset, "has_more": 1}
            case "has_more":
                return data | {"has_more": self.value}
            case "empty_page":
                return data | {"search_item_list": [], "has_more": 1}
            case "items":
                return data | {"search_item_list": self.items}
            case "odd_items":
                kinds, rows = list(self.kinds), data["search_item_list"]
                odd = [_odd_row(row, kinds.pop(0)) if kinds and "aweme_info" in row else row for row in rows]
                return data | {"search_item_list": odd}
        return data


def _odd_row(row: Json, kind: str) -> Json | None:
    changes = ODDITIES[kind]
    if changes is None:
        return None
    video = row["aweme_info"]
    merged = {name: video[name] | value if isinstance(value, dict) else value for name, value in changes.items()}
    return {"aweme_info": video | merged}
