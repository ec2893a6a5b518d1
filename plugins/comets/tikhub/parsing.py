"""TikHub's JSON, turned into models.

Nothing that TikHub sends makes these functions fail but a missing list or a missing user: a field of the wrong type, a
nonsensical number or an absent object is unknown. Field names and oddities are those of captured answers of the app
routes `fetch_video_search_result` and `handler_user_profile`.
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
"""A video has about 70,000 characters; more is not worth keeping."""

MAX_OFFSET = 2**31 - 1
"""A cursor beyond PostgreSQL's integer leads nowhere."""

# Unix seconds from 2000 to 2100: outside lie zeros, milliseconds and other nonsense.
_EARLIEST_SECONDS = 946_684_800
_LATEST_SECONDS = 4_102_444_800


class UnreadableAnswerError(ValueError):
    """The answer lacks what makes it an answer; the text says what."""


def parse_video_page(data: Mapping[str, Any], *, offset: int, observed_at: datetime) -> VideoPage:
    """Read the `data` of one search answer.

    A missing list of items is an empty page: that is how an exhausted search may look.

    :raises UnreadableAnswerError: when the items are something else than a list
    """
    cards = data.get("search_item_list")
    if not isinstance(cards, list | None):
        raise UnreadableAnswerError("search_item_list is not a list")
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
    """Read the `data` of one profile answer; consumers saw the account under `data.user` and directly under `data`.

    :raises UnreadableAnswerError: when the answer shows no account
    """
    user = _object(data.get("user")) or data
    user_id = parse_id(user.get("uid"))
    if user_id is None:
        raise UnreadableAnswerError("it shows no account")
    signature = user.get("signature")
    return Profile(
        user_id=user_id,
        sec_uid=parse_id(user.get("sec_uid")),
        handle=parse_id(user.get("unique_id")),
        nickname=_parse_text(user.get("nickname")),
        avatar_url=_parse_avatar_url(user),
        signature=clean_text(signature) if isinstance(signature, str) else None,
        follower_count=parse_count(user.get("follower_count")),
        # Likes received. favoriting_count is likes given, so it is no substitute.
        heart_count=parse_count(user.get("total_favorited")),
        video_count=parse_count(user.get("aweme_count")),
        observed_at=observed_at,
    )


def parse_balance(envelope: Mapping[str, Any]) -> Balance:
    """Read what is left on the account, and nothing else, out of an answer that also holds personal data."""
    user = _object(envelope.get("user_data"))
    return Balance(
        balance_usd=_parse_amount(user.get("balance")),
        free_credit_usd=_parse_amount(user.get("free_credit")),
    )


def parse_observed_at(envelope: Mapping[str, Any]) -> datetime:
    """When TikHub observed what it answers: its `time_stamp`, else this machine's clock.

    A `time_stamp` more than a day ahead of this machine's clock is not believed: nothing would be newer until that day.
    The envelope's `time` is of no use: it is Los Angeles wall time without an offset.
    """
    now = datetime.now(UTC)
    told = _parse_instant(envelope.get("time_stamp"))
    if told is not None and told > now + timedelta(days=1):
        log.warning("TikHub's time_stamp %s lies in the future: this machine's clock is taken", told.isoformat())
        return now
    return told or now


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
        # Search gives 0 for "not given"; taken for a fact it would be a fall of 100 %.
        follower_count=parse_count(author.get("follower_count")) or None,
    )


def _reject(card: object, position: int, reason: RejectReason) -> RejectedItem:
    try:
        raw_json = json.dumps(card)
    except RecursionError:
        raw_json = '"nested too deeply to be kept"'
    return RejectedItem(item_position=position, reason=reason, raw_json=raw_json[:MAX_RAW_JSON_CHARS])


def _parse_hashtags(aweme: Mapping[str, Any]) -> tuple[str, ...] | None:
    sources = [("text_extra", "hashtag_name"), ("cha_list", "cha_name")]
    present = [(aweme[field], name) for field, name in sources if isinstance(aweme.get(field), list)]
    if not present:
        return None
    # text_extra holds mentions too, which have no hashtag_name.
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
    if seconds is None or not _EARLIEST_SECONDS <= seconds < _LATEST_SECONDS:
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
