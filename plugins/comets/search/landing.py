"""Landing of searches: each page is stored with the offset of the next one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from comets.calls.ledger import CallResult, Ledger
from comets.database.client import Database
from comets.hashtags import has_hashtag, spell_video_hashtags
from comets.privacy.erasure import drop_erased_authors, erase_linked_ids
from comets.tikhub.models import Video, VideoPage


class StopReason(StrEnum):
    """The reason that a search is finished."""

    EXHAUSTED = "exhausted"
    """TikHub has no more results."""
    PAGE_LIMIT = "page limit"
    """``pages_per_hashtag x page_size`` offsets are searched."""
    EMPTY_PAGE = "empty page"
    REPEATED_PAGE = "repeated page"
    """The page has only videos of earlier pages of this search."""
    STUCK_CURSOR = "stuck cursor"
    """TikHub announces more results without a next offset."""


@dataclass(frozen=True)
class Search:
    """The state of a hashtag's search. Offsets and sizes count search results."""

    hashtag: str
    search_id: int
    attempt_number: int
    next_offset: int
    page_size: int
    stop_reason: StopReason | None
    offset_limit: int
    page_count: int
    region: str
    publish_time_days: int


class SearchLanding:
    """The landed search of one hashtag in one run."""

    def __init__(self, database: Database, ledger: Ledger, run_id: str, hashtag: str) -> None:
        self.run_id = run_id
        self.hashtag = hashtag
        self._database = database
        self._ledger = ledger
        self._key = {"run_id": run_id, "hashtag": hashtag}

    def open(self) -> Search:
        """Start the search, resume it, or restart it if this run may do so."""
        with self._database.transaction():
            self._database.execute("search/ensure_search", **self._key)
            self._database.execute("search/restart_search", **self._key)
            self._database.execute("search/claim_search", **self._key)
        return self.read()

    def read(self) -> Search:
        """Return the current state of the search."""
        row = self._database.fetch_one("search/read_search", **self._key)
        reason = row.pop("stop_reason")
        return Search(hashtag=self.hashtag, stop_reason=reason and StopReason(reason), **row)

    def seen_video_ids(self, search: Search) -> set[str]:
        """Return the ids of the videos on earlier pages of this attempt."""
        rows = self._database.fetch_all(
            "search/landed_video_ids", search_id=search.search_id, attempt_number=search.attempt_number
        )
        return {row["video_id"] for row in rows}

    def land(self, search: Search, result: CallResult[VideoPage], stop_reason: StopReason | None) -> VideoPage:
        """Store a page, close its call and advance the search, in one transaction.

        :return: the page as stored, without erased creators
        """
        page, linked_ids = self._land(search, result, stop_reason)
        erase_linked_ids(self._database, linked_ids, self.run_id)
        return page

    def _land(
        self, search: Search, result: CallResult[VideoPage], stop_reason: StopReason | None
    ) -> tuple[VideoPage, frozenset[str]]:
        with self._database.transaction():
            page, linked_ids = drop_erased_authors(self._database, result.value)
            self._ledger.close(result)
            self._database.execute(
                "search/land_page",
                search_id=search.search_id,
                attempt_number=search.attempt_number,
                run_id=self.run_id,
                page_offset=page.offset,
                page_size=search.page_size,
                next_offset=page.next_offset,
                received_count=page.received_count,
                landed_count=len(page.videos),
                rejected_count=len(page.rejected),
                observed_at=page.observed_at,
                videos=json.dumps([_video_row(search.hashtag, video) for video in page.videos]),
                rejected_items=json.dumps([item.model_dump() for item in page.rejected]),
                stop_reason=stop_reason,
            )
        return page, linked_ids

    def stop(self, search: Search, reason: StopReason) -> None:
        """Finish the search at its current offset."""
        self._database.execute(
            "search/advance_search",
            search_id=search.search_id,
            attempt_number=search.attempt_number,
            next_offset=search.next_offset,
            stop_reason=reason,
        )

    def set_page_size(self, search: Search, page_size: int) -> None:
        """Store a smaller page size for the rest of this search."""
        self._database.execute(
            "search/set_page_size",
            search_id=search.search_id,
            attempt_number=search.attempt_number,
            page_size=page_size,
        )


def _video_row(hashtag: str, video: Video) -> dict[str, Any]:
    """Return the columns of `comet_videos` as JSON values."""
    return {
        **video.model_dump(mode="json", exclude={"author"}),
        **video.author.model_dump(mode="json"),
        "hashtags": None if video.hashtags is None else spell_video_hashtags(video.hashtags),
        "is_tagged": None if video.hashtags is None else has_hashtag(hashtag, video.hashtags),
    }
