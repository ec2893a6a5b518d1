"""Erasure: remove a creator from every table, block it from discovery, and drop later answers about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from comets.database.client import Database
from comets.errors import (
    AmbiguousCreatorError,
    DatabaseError,
    ErasureLimitError,
    ParamsError,
    UnconfirmedErasureError,
    UnknownCreatorError,
)
from comets.settings import SCHEMA_FILE
from comets.tikhub.models import RejectedItem, Video, VideoPage
from comets.values import MAX_ID_CHARS, SEC_UID_START, parse_id

if TYPE_CHECKING:
    from psycopg.rows import DictRow

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


@dataclass(frozen=True)
class Erasure:
    """What an erasure did.

    :param counts: the number of rows per table that were erased, or anonymised (``comet_calls``)
    :param names: the creator's uid, sec_uids and handles; empty when an earlier try of the run has erased it
    """

    counts: Counter[str]
    names: frozenset[str] = frozenset()


def erase_creator(
    database: Database, creator: object, run_id: str, *, confirm_uid: object = None, max_per_day: int | None = None
) -> Erasure:
    """Erase a creator from every table and block it from discovery, in one transaction.

    A uid or sec_uid that is in no table is blocked too. Errors do not name the creator but by its uid, because they are
    logged.

    :param creator: a uid, a sec_uid or a handle; with a leading "@" always a handle
    :param run_id: the Dag run; a repeated call by a run that has succeeded does nothing
    :param confirm_uid: the uid, or the given sec_uid where no uid is known; None: not required
    :param max_per_day: the number of runs that may erase a creator in 24 hours; None: unlimited
    :raises UnknownCreatorError: no creator has or had that handle.
    :raises AmbiguousCreatorError: several creators have or had it.
    :raises UnconfirmedErasureError: ``confirm_uid`` is another one.
    :raises ErasureLimitError: the limit is reached.
    """
    given = parse_id(creator) or ""
    is_handle = given.startswith("@")
    name = given.removeprefix("@").strip()
    if not name:
        raise ParamsError("Nothing was erased. The param `creator` is empty: give a handle, a uid or a sec_uid.")
    with database.transaction():
        _lock(database)
        found = _find(database, name, is_handle)
        is_repeated = database.fetch_one("privacy/was_erased_by_run", run_id=run_id)["is_done"]
        if found is not None:
            if confirm_uid is not None and not is_repeated:
                _ensure_confirmed(database, found, parse_id(confirm_uid) or "")
            if max_per_day is not None and not is_repeated:
                _ensure_within_limit(database, max_per_day)
            return Erasure(_erase(database, found, run_id), found.identities | found.handles)
        if is_repeated:
            return Erasure(Counter())
    raise UnknownCreatorError(
        "Nothing was erased. The given handle is in no table; a creator that is already erased is unknown too. A "
        "handle can't be blocked, because its owner may change: give the uid or the sec_uid, which are blocked even "
        "when they are in no table."
    )


def _ensure_confirmed(database: Database, found: _Creator, confirmation: str) -> None:
    uids = sorted(identity for identity in found.identities if not _is_sec_uid(identity))
    wanted = uids or sorted(found.identities)
    if confirmation in wanted:
        return
    known = database.fetch_one("privacy/describe_creator", identities=sorted(found.identities))
    facts = (
        f"first found on {known['first_found_on'] or 'an unknown date'}, {known['snapshot_count']:,} snapshots, "
        f"{known['follower_count'] or 0:,} followers last"
        if known["snapshot_count"]
        else "in no snapshot"
    )
    raise UnconfirmedErasureError(
        f"Nothing was erased. The param `creator` leads to the uid {wanted[0]} ({facts}), and `confirm_uid` is another "
        f"one or empty. If this is the creator of the request, trigger again with {wanted[0]} in both params."
    )


def _ensure_within_limit(database: Database, max_per_day: int) -> None:
    since = datetime.now(UTC) - timedelta(days=1)
    if database.fetch_one("privacy/count_erasures", since=since)["erasure_count"] >= max_per_day:
        raise ErasureLimitError(
            f"Nothing was erased. In the last 24 hours {max_per_day:,} creators were erased, as many as "
            "privacy.max_erasures_per_day allows."
        )


def erase_linked_ids(database: Database, identities: Iterable[str], run_id: str) -> None:
    """Erase and block further ids of creators that are already erased.

    A sec_uid that the tables hold with another uid is kept: TikHub returned it together with an erased uid.
    """
    for identity in sorted(identities):
        with database.transaction():
            _lock(database)
            rows = database.fetch_all("privacy/find_creator", creator=identity, is_handle=False)
            by_id = [row for row in rows if row["is_found_by_id"]]
            others = {name for row in by_id for name in row["identities"] if not _is_sec_uid(name)} - {identity}
            if not others:
                _erase(database, _only(by_id) or _Creator(frozenset([identity])), run_id)


def _lock(database: Database) -> None:
    database.execute("privacy/lock_steps")
    database.execute("privacy/lock_landing")


@dataclass(frozen=True)
class _Creator:
    """The uid and sec_uids of a creator, and its present and former handles."""

    identities: frozenset[str]
    handles: frozenset[str] = frozenset()


def _find(database: Database, name: str, is_handle: bool) -> _Creator | None:
    rows = database.fetch_all("privacy/find_creator", creator=name, is_handle=is_handle)
    by_id = _only([row for row in rows if row["is_found_by_id"]])
    if by_id is not None:
        return by_id
    if is_handle or not (_is_sec_uid(name) or _is_number(name)):
        return _only(rows)
    if rows:
        raise AmbiguousCreatorError(
            "Nothing was erased. The given number is in no table as a uid, but it is or was the handle of a creator. "
            'Put "@" before it to erase by handle.'
        )
    return _Creator(frozenset([name]))


def _only(rows: list[DictRow]) -> _Creator | None:
    if len(rows) > 1:
        raise AmbiguousCreatorError(
            f"Nothing was erased. The param `creator` matches {len(rows)} creators; handles change owners. Look up the "
            "right one in the tables creators and comet_handles, and give its uid (user_id)."
        )
    return _Creator(frozenset(rows[0]["identities"]), frozenset(rows[0]["handles"])) if rows else None


def _is_sec_uid(name: str) -> bool:
    return name.startswith(SEC_UID_START)


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _erase(database: Database, creator: _Creator, run_id: str) -> Counter[str]:
    identities = sorted(creator.identities)
    database.execute("privacy/record_erased_ids", identities=identities, erased_at=datetime.now(UTC), run_id=run_id)
    if erased_ids(database, identities) != creator.identities:
        raise DatabaseError(
            f"Nothing was erased. The table comet_schema has no row: run {SCHEMA_FILE} on the database."
        )
    counts = database.fetch_one("privacy/erase_creator", identities=identities, handles=sorted(creator.handles))
    return Counter({table: count for table, count in counts.items() if count})
