"""Parsing of TikHub's JSON into models.

A field that is absent, of the wrong type or out of range is unknown. Only a missing list or a missing user is an error.
Field names are those of captured responses of the routes `fetch_video_search_result` and `handler_user_profile`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from comets.tikhub.models import Author, Balance, Profile, RejectedItem, RejectReason, Video, VideoPage
from comets.values import clean_text, parse_count, parse_id

log = logging.getLogger(__name__)

MAX_RAW_JSON_CHARS = 200_000
"""A video has about 70,000 characters."""

MAX_OFFSET = 2**31 - 1
"""Maximum of PostgreSQL's integer; a greater cursor is unknown."""

_MIN_SECONDS = 946_684_800  # the year 2000, above zeros
_MAX_SECONDS = 4_102_444_800  # the year 2100, below milliseconds


class UnreadableResponseError(ValueError):
    """The response lacks its list of items or its account; the text says which."""


def parse_video_page(data: Mapping[str, Any], *, offset: int, observed_at: datetime) -> VideoPage:
    """Parse the `data` of a search response.

    A missing list of items is an empty page, because an exhausted search may look like that.

    :raises UnreadableResponseError: the items are not a list
    """
    cards = data.get("search_item_list")
    if not isinstance(cards, list | None):
        raise UnreadableResponseError("search_item_list is not a list")
    items = [_parse_card(card, position) for position, card in enumerate(cards or [])]
    cursor = parse_count(data.get("cursor"))
    if cursor is not None and cursor > MAX_OFFSET:
        cursor = None
    return VideoPage(
        videos=tuple(item for item in items if isinstance(item, Video)),
        rejected=tuple(item for item in items if isinstance(item, RejectedItem)),
        received_count=len(items),
        offset=offset,
        cursor=cursor,
        next_offset=cursor if cursor is not None and cursor > offset else None,
        has_more=_parse_flag(data.get("has_more", data.get("hasMore"))),
        observed_at=observed_at,
    )


def parse_profile(data: Mapping[str, Any], *, observed_at: datetime) -> Profile:
    """Parse the `data` of a profile response. The account was seen under `data.user` and directly under `data`.

    :raises UnreadableResponseError: the response has no account
    """
    user = _object(data.get("user")) or data
    user_id = parse_id(user.get("uid"))
    if user_id is None:
        raise UnreadableResponseError("no account in the response")
    signature = user.get("signature")
    return Profile(
        user_id=user_id,
        sec_uid=parse_id(user.get("sec_uid")),
        handle=parse_id(user.get("unique_id")),
        nickname=_parse_text(user.get("nickname")),
        avatar_url=_parse_avatar_url(user),
        signature=clean_text(signature) if isinstance(signature, str) else None,
        follower_count=parse_count(user.get("follower_count")),
        # Likes received; favoriting_count is likes given.
        heart_count=parse_count(user.get("total_favorited")),
        video_count=parse_count(user.get("aweme_count")),
        observed_at=observed_at,
    )


def parse_balance(envelope: Mapping[str, Any]) -> Balance:
    """Parse the balance from an account response, and ignore its personal data."""
    user = _object(envelope.get("user_data"))
    return Balance(
        balance_usd=_parse_amount(user.get("balance")),
        free_credit_usd=_parse_amount(user.get("free_credit")),
    )


def parse_observed_at(envelope: Mapping[str, Any]) -> datetime:
    """Return the time of observation: the envelope's `time_stamp`, else this machine's clock.

    A `time_stamp` more than a day ahead is ignored, because no later reading would be newer until that day. The
    envelope's `time` is unusable: Los Angeles wall time without an offset.
    """
    now = datetime.now(UTC)
    time_stamp = _parse_instant(envelope.get("time_stamp"))
    if time_stamp is not None and time_stamp > now + timedelta(days=1):
        log.warning("TikHub's time_stamp %s is in the future: using this machine's clock", time_stamp.isoformat())
        return now
    return time_stamp or now


def _parse_card(card: object, position: int) -> Video | RejectedItem:
    aweme = _object(_object(card).get("aweme_info"))
    if not aweme:
        return _reject(card, position, "not_a_video")
    video_id = parse_id(aweme.get("aweme_id"))
    if video_id is None:
        return _reject(card, position, "no_video_id")
    author = _object(aweme.get("author"))
    user_id = parse_id(author.get("uid")) or parse_id(aweme.get("author_user_id"))
    if user_id is None:
        return _reject(card, position, "no_author_id")
    caption = aweme.get("desc")
    statistics = _object(aweme.get("statistics"))
    return Video(
        video_id=video_id,
        published_at=_parse_instant(aweme.get("create_time")),
        caption=clean_text(caption) if isinstance(caption, str) else None,
        hashtags=_parse_hashtags(aweme),
        play_count=parse_count(statistics.get("play_count")),
        like_count=parse_count(statistics.get("digg_count")),
        comment_count=parse_count(statistics.get("comment_count")),
        share_count=parse_count(statistics.get("share_count")),
        save_count=parse_count(statistics.get("collect_count")),
        author=_parse_author(author, user_id),
        item_position=position,
    )


def _parse_author(author: Mapping[str, Any], user_id: str) -> Author:
    return Author(
        user_id=user_id,
        sec_uid=parse_id(author.get("sec_uid")),
        handle=parse_id(author.get("unique_id")),
        nickname=_parse_text(author.get("nickname")),
        avatar_url=_parse_avatar_url(author),
        signature=_parse_text(author.get("signature")),
        # Search sends 0 for an unknown count.
        follower_count=parse_count(author.get("follower_count")) or None,
    )


def _reject(card: object, position: int, reason: RejectReason) -> RejectedItem:
    try:
        raw_json = json.dumps(card)
    except RecursionError:
        raw_json = '"nested too deeply to be stored"'
    return RejectedItem(item_position=position, reason=reason, raw_json=raw_json[:MAX_RAW_JSON_CHARS])


def _parse_hashtags(aweme: Mapping[str, Any]) -> tuple[str, ...] | None:
    sources = [("text_extra", "hashtag_name"), ("cha_list", "cha_name")]
    present = [(aweme[field], name) for field, name in sources if isinstance(aweme.get(field), list)]
    if not present:
        return None
    names = (_parse_text(_object(entry).get(name)) for entries, name in present for entry in entries)
    return tuple(dict.fromkeys(name for name in names if name))


def _parse_avatar_url(user: Mapping[str, Any]) -> str | None:
    return next(_avatar_urls(user), None)


def _avatar_urls(user: Mapping[str, Any]) -> Iterator[str]:
    for size in ("avatar_larger", "avatar_medium", "avatar_thumb"):
        urls = _object(user.get(size)).get("url_list")
        for url in urls if isinstance(urls, list) else []:
            if text := _parse_text(url):
                yield text


def _parse_text(value: object) -> str | None:
    return clean_text(value) if isinstance(value, str) and value.strip() else None


def _parse_flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    count = parse_count(value)
    return None if count is None else count > 0


def _parse_instant(value: object) -> datetime | None:
    seconds = parse_count(value)
    if seconds is None or not _MIN_SECONDS <= seconds < _MAX_SECONDS:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _parse_amount(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value).strip())
    except (ArithmeticError, ValueError):
        return None
    return amount if amount.is_finite() else None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
