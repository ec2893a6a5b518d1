"""Creators who were erased: what TikHub still answers about them is not kept."""

from __future__ import annotations

import re
from collections.abc import Iterable

from comets.database.client import Database
from comets.tikhub.models import RejectedItem, Video, VideoPage
from comets.values import MAX_ID_CHARS

# Any number can be a uid, wherever it stands in the JSON: the author's, a mention's, a link's.
_IDENTITY = re.compile(r"MS4wLjAB[0-9A-Za-z_-]+|[0-9]+")


def erased_ids(database: Database, identities: Iterable[str | None]) -> frozenset[str]:
    """Those of some uids and sec_uids that discovery refuses.

    Inside a transaction no creator is erased any more until it ends. It has to come first there: an erasure that waits
    for this transaction lets nobody pass, so that with another lock in hand the two could wait for each other.
    """
    wanted = sorted({identity for identity in identities if identity})
    database.execute("privacy/lock_landing_shared")
    if not wanted:
        return frozenset()
    rows = database.fetch_all("privacy/find_erased_ids", identities=wanted)
    return frozenset(row["identity"] for row in rows)


def drop_erased_authors(database: Database, page: VideoPage) -> tuple[VideoPage, frozenset[str]]:
    """A page as it may be landed: videos of erased authors are rejected, and no raw JSON with such an author is kept.

    :return: the page, and other ids of these authors, which nobody has refused so far
    """
    items: list[Video | RejectedItem] = [*page.videos, *page.rejected]
    identities_of_items = {item.item_position: _identities(item) for item in items}
    known = erased_ids(database, (identity for identities in identities_of_items.values() for identity in identities))
    refused = {position for position, identities in identities_of_items.items() if identities & known}
    if not refused:
        return page, frozenset()
    videos = tuple(video for video in page.videos if video.item_position not in refused)
    erased = [
        RejectedItem(item_position=video.item_position, reason="author_erased", raw_json=None)
        for video in page.videos
        if video.item_position in refused
    ]
    rejected = [
        item.model_copy(update={"raw_json": None}) if item.item_position in refused else item for item in page.rejected
    ]
    partners = frozenset(
        identity
        for video in page.videos
        if video.item_position in refused
        for identity in identities_of_items[video.item_position] - known
    )
    return page.model_copy(update={"videos": videos, "rejected": (*rejected, *erased)}), partners


def _identities(item: Video | RejectedItem) -> frozenset[str]:
    if isinstance(item, RejectedItem):
        found = _IDENTITY.findall(item.raw_json or "")
        return frozenset(identity for identity in found if len(identity) <= MAX_ID_CHARS)
    return frozenset(identity for identity in (item.author.user_id, item.author.sec_uid) if identity)
