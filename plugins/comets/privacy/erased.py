"""Erased creators: keep landed data free of them when TikHub still returns them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from comets.database.client import Database
from comets.tikhub.models import RejectedItem, Video, VideoPage
from comets.values import MAX_ID_CHARS

# Any number in the JSON can be a uid: of the author, a mention, a link.
_IDENTITY = re.compile(r"MS4wLjAB[0-9A-Za-z_-]+|[0-9]+")


def erased_ids(database: Database, identities: Iterable[str | None]) -> frozenset[str]:
    """Return which of the given uids and sec_uids are erased, and block erasures until the transaction ends.

    Call it first in a transaction: with another lock held, it can deadlock with a waiting erasure.
    """
    wanted = sorted({identity for identity in identities if identity})
    database.execute("privacy/lock_landing_shared")
    if not wanted:
        return frozenset()
    rows = database.fetch_all("privacy/find_erased_ids", identities=wanted)
    return frozenset(row["identity"] for row in rows)


def drop_erased_authors(database: Database, page: VideoPage) -> tuple[VideoPage, frozenset[str]]:
    """Reject the videos of erased authors, and drop the raw JSON of rejected items that mention one.

    :return: the page to land, and further ids of these authors, which are not erased yet
    """
    items: list[Video | RejectedItem] = [*page.videos, *page.rejected]
    identities_of_items = {item.item_position: _identities(item) for item in items}
    erased = erased_ids(database, (identity for identities in identities_of_items.values() for identity in identities))
    blocked = {position for position, identities in identities_of_items.items() if identities & erased}
    if not blocked:
        return page, frozenset()
    videos = tuple(video for video in page.videos if video.item_position not in blocked)
    newly_rejected = [
        RejectedItem(item_position=video.item_position, reason="author_erased", raw_json=None)
        for video in page.videos
        if video.item_position in blocked
    ]
    rejected = [
        item.model_copy(update={"raw_json": None}) if item.item_position in blocked else item for item in page.rejected
    ]
    linked_ids = frozenset(
        identity
        for video in page.videos
        if video.item_position in blocked
        for identity in identities_of_items[video.item_position] - erased
    )
    return page.model_copy(update={"videos": videos, "rejected": (*rejected, *newly_rejected)}), linked_ids


def _identities(item: Video | RejectedItem) -> frozenset[str]:
    if isinstance(item, RejectedItem):
        found = _IDENTITY.findall(item.raw_json or "")
        return frozenset(identity for identity in found if len(identity) <= MAX_ID_CHARS)
    return frozenset(identity for identity in (item.author.user_id, item.author.sec_uid) if identity)
