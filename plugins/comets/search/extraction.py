"""Search of hashtags, page by page."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from comets.calls.ledger import Call, CallResult, Ledger
from comets.calls.retry_policy import is_retryable, max_attempts
from comets.database.client import Database
from comets.errors import (
    HashtagsFailedError,
    TikHubAuthError,
    TikHubBalanceError,
    TikHubCutBodyError,
    TikHubError,
    TikHubGivenUpError,
)
from comets.profiles.accounts import ProfileOutcome
from comets.profiles.queue import read_all
from comets.profiles.reader import ProfileReader
from comets.profiles.roll_call import unknown_authors
from comets.search.landing import Search, SearchLanding, StopReason
from comets.settings import TIKHUB_CONN_ID, Retries, settings
from comets.tikhub.hook import SEARCH_ROUTE, TikHubHook
from comets.tikhub.models import VideoPage

log = logging.getLogger(f"airflow.task.{__name__}")


class HashtagExtraction:
    """Searches a hashtag and lands its pages, one transaction per call.

    :param retries: number of failures after which a call is given up
    """

    def __init__(self, *, hook: TikHubHook, ledger: Ledger, landing: SearchLanding, retries: Retries) -> None:
        self._hook = hook
        self._ledger = ledger
        self._landing = landing
        self._retries = retries

    def search_videos(self) -> Search:
        """Search until the results or the run's page limit are exhausted. A finished search makes no call.

        :raises TikHubError: a page can't be fetched; all pages before it are landed.
        :raises TikHubGivenUpError: a page was given up at earlier tries and is not retried.
        :raises CallSkippedError: the run may make no more calls.
        """
        search = self._landing.open()
        if search.stop_reason is not None:
            log.info(
                "#%s is already searched for this date (%d pages landed): reused without calls",
                search.hashtag,
                search.page_count,
            )
        seen = self._landing.seen_video_ids(search)
        while search.stop_reason is None:
            if search.next_offset >= search.offset_limit:
                self._landing.stop(search, StopReason.PAGE_LIMIT)
            else:
                seen |= self._land_next_page(search, seen)
            search = self._landing.read()
        return search

    def _land_next_page(self, search: Search, seen: set[str]) -> set[str]:
        result = self._fetch_page(search)
        page = result.value
        video_ids = {video.video_id for video in page.videos}
        reason = stop_reason(page, seen, search.offset_limit)
        landed = self._landing.land(search, result, reason)
        log.info(
            "#%s: page at offset %d has %d items: %d landed, %d rejected%s",
            search.hashtag,
            page.offset,
            page.received_count,
            len(landed.videos),
            len(landed.rejected),
            f"; search finished: {reason}" if reason else "",
        )
        return video_ids

    def _fetch_page(self, search: Search) -> CallResult[VideoPage]:
        call = Call(SEARCH_ROUTE, hashtag=search.hashtag, page_offset=search.next_offset)
        self._ensure_attempts_left(call)
        size = min(search.page_size, search.offset_limit - search.next_offset)
        while True:
            request = partial(
                self._hook.search_videos,
                keyword=search.hashtag,
                offset=search.next_offset,
                count=size,
                publish_time=search.publish_time_days,
                region=search.region,
            )
            self._hook.warm_up()
            try:
                return self._ledger.execute(call, request)
            except TikHubCutBodyError as error:
                # The same call is cut at the same byte every time (seen from 20 videos of about 70 KB on).
                size = max(1, size // 2)
                self._landing.set_page_size(search, size)
                if error.failed_attempts >= self._retries.tries_per_call:
                    raise
                log.warning("%s Retrying with %d videos per page.", error, size)

    def _ensure_attempts_left(self, call: Call) -> None:
        """Skip a call that used up its attempts, because the task may be retried for another hashtag.

        :raises TikHubGivenUpError: no attempts are left.
        """
        failures = self._ledger.failures(call)
        if failures.count >= max_attempts(failures.last_error_type, self._retries):
            raise TikHubGivenUpError(
                f"The {call} failed {failures.count} times ({failures.last_error_type}) and is not retried.",
                route=call.route,
                subject=call.hashtag,
            )


def stop_reason(page: VideoPage, seen: set[str], offset_limit: int) -> StopReason | None:
    """Return why the search ends with this page, or None. ``has_more`` alone is unreliable."""
    video_ids = {video.video_id for video in page.videos}
    if page.received_count == 0:
        return StopReason.EMPTY_PAGE
    if video_ids and video_ids <= seen:
        return StopReason.REPEATED_PAGE
    if page.has_more is False:
        return StopReason.EXHAUSTED
    if page.next_offset is None:
        return StopReason.STUCK_CURSOR if page.has_more else StopReason.EXHAUSTED
    if page.next_offset >= offset_limit:
        return StopReason.PAGE_LIMIT
    return None


def extract_group(hashtags: Sequence[str], run_id: str, database: Database, ledger: Ledger) -> dict[str, int]:
    """Search the hashtags one by one; a failed hashtag does not stop the others.

    :return: numbers of landed pages and of fetched profiles
    :raises TikHubError: a retryable error, or the error of the only hashtag.
    :raises HashtagsFailedError: some hashtags failed, and a retry can't help.
    :raises CallSkippedError: the run may make no more calls.
    """
    hook = TikHubHook(tikhub_conn_id=TIKHUB_CONN_ID)
    counts = Counter(page_count=0, profile_count=0)
    failures: dict[str, TikHubError] = {}
    for hashtag in hashtags:
        try:
            counts.update(_extract(hashtag, run_id, hook, database, ledger))
        except (TikHubAuthError, TikHubBalanceError):
            raise
        except TikHubError as error:
            if len(hashtags) > 1:
                log.error("#%s: %s", hashtag, error)
            failures[hashtag] = error
    _raise_failures(failures, len(hashtags), settings().retries)
    return dict(counts)


def _extract(hashtag: str, run_id: str, hook: TikHubHook, database: Database, ledger: Ledger) -> dict[str, int]:
    retries = settings().retries
    search = HashtagExtraction(
        hook=hook, ledger=ledger, landing=SearchLanding(database, ledger, run_id, hashtag), retries=retries
    ).search_videos()
    reader = ProfileReader(hook=hook, database=database, ledger=ledger, run_id=run_id, retries=retries, hashtag=hashtag)
    outcomes = read_all(reader, unknown_authors(database, run_id, hashtag))
    return {"page_count": search.page_count, "profile_count": outcomes[ProfileOutcome.FETCHED]}


def _raise_failures(failures: Mapping[str, TikHubError], hashtag_count: int, retries: Retries) -> None:
    """Fail a task after its last hashtag; retry it while one of its errors is retryable.

    :param failures: errors of the failed hashtags
    :param hashtag_count: number of hashtags of the task
    :raises TikHubError: a retryable error, or the error of the only hashtag.
    :raises HashtagsFailedError: a retry can't help.
    """
    if not failures:
        return
    retryable = [error for error in failures.values() if is_retryable(error, retries)]
    if retryable or hashtag_count == 1:
        # The error with the longest delay sets the delay of the task.
        raise max(retryable or failures.values(), key=lambda error: error.failed_attempts)
    reasons = "; ".join(f"#{hashtag}: {error}" for hashtag, error in failures.items())
    raise HashtagsFailedError(
        f"{len(failures)} of the {hashtag_count} hashtags of this task failed; the others are landed. {reasons}"
    )
