"""Fault rules: which calls go wrong, and how their data change."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from include.sandbox.words import search_key

Json = dict[str, Any]

OddItem = Literal[
    "missing_video_id",
    "missing_author_ids",
    "null_author",
    "null_statistics",
    "numeric_strings",
    "nul_nickname",
    "lone_surrogate_nickname",
    "large_counts",
    "negative_counts",
    "text_counts",
    "null_item",
    "missing_follower_count",
]

_COUNT_CHANGES: dict[OddItem, Callable[[int], Any]] = {
    "numeric_strings": str,
    "large_counts": lambda count: count + 2**31 + 11,
    "negative_counts": lambda count: -1 - count,
    "text_counts": lambda count: f"{count / 1000:.1f}K",
}


class Rule(BaseModel):
    """One fault, and the calls that meet it: a condition that is not set fits every call.

    The faults:

    - `status`: HTTP `status` with TikHub's body for it, and a `Retry-After` header if `retry_after` is set
    - `html`: a web page of the CDN with `status`; it quotes the Authorization header
    - `redirect`: 302 to another host
    - `timeout`: the answer comes after `delay` seconds, or once the rules are replaced
    - `cut_body`: status 200 and headers, then the connection closes in the middle of the body
    - `long_body`: the body is longer by `extra` characters
    - `invalid_json`: a complete body that is not valid JSON
    - `inner_status`: HTTP 200 whose data carry the failing `status`
    - `repeated_page`: the rows of the first page, whatever the offset
    - `stuck_cursor`: a cursor that stays at the offset, with has_more 1
    - `has_more`: `value` instead of 1 or 0; None removes the field
    - `empty_page`: no rows although has_more is 1
    - `odd_items`: the first video gets the first of `kinds`, and so on; the other rows stay as they are
    - `items`: these rows instead of the real ones, exactly as given
    """

    model_config = ConfigDict(extra="forbid")

    fault: Literal[
        "status",
        "html",
        "redirect",
        "timeout",
        "cut_body",
        "long_body",
        "invalid_json",
        "inner_status",
        "repeated_page",
        "stuck_cursor",
        "has_more",
        "empty_page",
        "odd_items",
        "items",
    ]
    route: str | None = Field(default=None, description="Last part of the path.")
    keyword: str | None = Field(default=None, description="Of a search; compared as hashtags are.")
    offset: int | None = Field(default=None, description="Of a search.")
    count_over: int | None = Field(default=None, description="Fits a search for more items than this.")
    account: str | None = Field(default=None, description="Any identifier that a profile is fetched by.")
    times: int | None = Field(default=None, ge=1, description="How many calls go wrong; None is all of them.")

    status: int = 502
    retry_after: int | None = None
    delay: float = 60.0
    extra: int = 100_000
    value: bool | int | str | None = None
    kinds: tuple[OddItem, ...] = get_args(OddItem)
    items: list[Any] = []

    def fits(self, route: str, params: Mapping[str, str]) -> bool:
        """Return whether a call meets this rule's conditions."""
        return (
            self.route in (None, route)
            and (self.keyword is None or search_key(self.keyword) == search_key(params.get("keyword", "")))
            and self.offset in (None, int(params.get("offset", 0)))
            and (self.count_over is None or self.count_over < int(params.get("count", 20)))
            and (self.account is None or self.account in params.values())
        )

    def change_data(self, data: Json, offset: int) -> Json:
        """Return the data of an answer as this fault changes them."""
        if self.fault == "inner_status":
            return {"status_code": self.status, "status_msg": f"failed with {self.status}"}
        if "search_item_list" in data:
            data |= self._page_changes(data["search_item_list"], offset)
            if self.fault == "has_more" and self.value is None:
                del data["has_more"]
        return data

    def _page_changes(self, rows: list[Any], offset: int) -> Json:
        match self.fault:
            case "stuck_cursor":
                return {"cursor": offset, "has_more": 1}
            case "has_more":
                return {"has_more": self.value}
            case "empty_page":
                return {"search_item_list": [], "has_more": 1}
            case "items":
                return {"search_item_list": self.items}
            case "odd_items":
                kinds = list(self.kinds)
                odd = [_odd_row(row, kinds.pop(0)) if kinds and "aweme_info" in row else row for row in rows]
                return {"search_item_list": odd}
        return {}


def _odd_row(row: Json, kind: OddItem) -> Json | None:
    video = row["aweme_info"]
    author, statistics = video["author"], video["statistics"]
    match kind:
        case "null_item":
            return None
        case "missing_video_id":
            del video["aweme_id"], statistics["aweme_id"]
        case "missing_author_ids":
            del video["author_user_id"], author["uid"], author["sec_uid"], author["unique_id"]
        case "null_author":
            video["author"] = None
        case "null_statistics":
            video["statistics"] = None
        case "nul_nickname":
            author["nickname"] = "zero\x00byte"
        case "lone_surrogate_nickname":
            author["nickname"] = "half \ud83d pair"
        case "missing_follower_count":
            author.pop("follower_count", None)
        case _:
            for counts in (statistics, author):
                counts |= {
                    name: _COUNT_CHANGES[kind](count) for name, count in counts.items() if isinstance(count, int)
                }
    return row
