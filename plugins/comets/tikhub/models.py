"""The frozen models that the hook returns, already cleaned by `comets.tikhub.parsing`.

None always means "unknown", never zero or empty. The models are strict, so that a value which parsing failed to clean
raises an error and does not reach the database.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeInt

from comets.values import MAX_COUNT

Id = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
RejectReason = Literal["not_a_video", "no_video_id", "no_author_id", "author_erased"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Author(_Frozen):
    """The author of a video in a search; `follower_count` is None when the search has none or 0."""

    user_id: Id
    sec_uid: Id | None
    handle: Id | None
    nickname: Id | None
    avatar_url: Id | None
    signature: Id | None
    follower_count: Count | None


class Video(_Frozen):
    """One video of a search page; `item_position` counts the page's items from 0.

    `hashtags` are the tags as written on the video; None when the item has no list of tags.
    """

    video_id: Id
    published_at: AwareDatetime | None
    caption: str | None
    hashtags: tuple[str, ...] | None
    play_count: Count | None
    like_count: Count | None
    comment_count: Count | None
    share_count: Count | None
    save_count: Count | None
    author: Author
    item_position: NonNegativeInt


class RejectedItem(_Frozen):
    """An item that is not a usable video.

    `raw_json` is the item as JSON in ASCII, cut if it is very long; None when its author is erased.
    """

    item_position: NonNegativeInt
    reason: RejectReason
    raw_json: str | None


class VideoPage(_Frozen):
    """One page of a search. `received_count` is always `len(videos) + len(rejected)`.

    `has_more` and `cursor` are TikHub's values (None: absent). `next_offset` is the cursor if it is greater than
    `offset`; None means that the search can't continue.
    """

    videos: tuple[Video, ...]
    rejected: tuple[RejectedItem, ...]
    received_count: NonNegativeInt
    offset: NonNegativeInt
    cursor: NonNegativeInt | None
    next_offset: NonNegativeInt | None
    has_more: bool | None
    observed_at: AwareDatetime


class Profile(_Frozen):
    """The profile of an account. A count of 0 and an empty `signature` are known values."""

    user_id: Id
    sec_uid: Id | None
    handle: Id | None
    nickname: Id | None
    avatar_url: Id | None
    signature: str | None
    follower_count: Count | None
    heart_count: Count | None
    video_count: Count | None
    observed_at: AwareDatetime


class Balance(_Frozen):
    """The balance of the TikHub account, in US dollars."""

    balance_usd: Decimal | None
    free_credit_usd: Decimal | None
