"""What the hook returns: frozen values, already cleaned by `comets.tikhub.parsing`.

None always means "unknown", never zero or empty. The models are strict: a value that parsing should have cleaned and
did not is refused here instead of reaching the database.
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
    """A video's author as search shows it; `follower_count` is None when search gave none or 0."""

    user_id: Id
    sec_uid: Id | None
    handle: Id | None
    nickname: Id | None
    avatar_url: Id | None
    signature: Id | None
    follower_count: Count | None


class Video(_Frozen):
    """One video of a search page; `item_position` counts the page's cards from 0.

    `hashtags` are the tags that the video carries, as written there; None when the card does not say.
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
    """A card that is no usable video.

    `raw_json` is the card as ASCII text of JSON, cut if it is very long; None where its author was erased.
    """

    item_position: NonNegativeInt
    reason: RejectReason
    raw_json: str | None


class VideoPage(_Frozen):
    """One page of a search. `received_count` is always `len(videos) + len(rejected)`.

    `has_more` and `cursor` are what TikHub said (None: it did not say). `next_offset` is the cursor where it lies
    beyond `offset`, else None: then there is nowhere to go on from.
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
    """An account as its profile shows it: a count of 0 is a known 0, an empty `signature` a known empty one."""

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
    """What is left on the TikHub account, in US dollars."""

    balance_usd: Decimal | None
    free_credit_usd: Decimal | None
