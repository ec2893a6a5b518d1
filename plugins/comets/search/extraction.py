"""The search of hashtags, page after page."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from comets.calls.ledger import Answer, Call, Ledger
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

# Airflow sets the level of this tree of loggers; below the root logger, INFO would be lost in `airflow dags test`.
log = logging.getLogger(f"airflow.task.{__name__}")


class HashtagExtraction:
    """Searches a hashtag through the hook and lands what comes, one transaction per call.

    :param retries: how often one call may fail until it is given up
    """

    def __init__(self, *, hook: TikHubHook, ledger: Ledger, landing: SearchLanding, retries: Retries) -> None:
        self._hook = hook
        self._ledger = ledger
        self._landing = landing
        self._retries = retries

    def search_videos(self) -> Search:
        """Search until there is no more, or the run wants no more; a search that is finished already costs no call.

        :raises TikHubError: a page could not be had; everything before it is landed.
        :raises TikHubGivenUpError: it could not be had at earlier tries, and is not asked for again.
        :raises CallSkippedError: the run may make no further call.
        """
        search = self._landing.open()
        if search.stop_reason is not None:
            log.info(
                "#%s was searched for this date already (%d pages landed): re-used, no call is made",
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
        answer = self._ask_page(search)
        page = answer.value
        video_ids = {video.video_id for video in page.videos}
        reason = stop_reason(page, seen, search.offset_limit)
        kept = self._landing.land(search, answer, reason)
        log.info(
            "#%s: page at offset %d gave %d items: %d landed, %d rejected%s",
            search.hashtag,
            page.offset,
            page.received_count,
            len(kept.videos),
            len(kept.rejected),
            f"; search finished: {reason}" if reason else "",
        )
        return video_ids

    def _ask_page(self, search: Search) -> Answer[VideoPage]:
        call = Call(SEARCH_ROUTE, hashtag=search.hashtag, page_offset=search.next_offset)
        self._require_tries_left(call)
        size = min(search.page_size, search.offset_limit - search.next_offset)
        while True:
            ask = partial(
                self._hook.search_videos,
                keyword=search.hashtag,
                offset=search.next_offset,
                count=size,
                publish_time=search.publish_time_days,
                region=search.region,
            )
            self._hook.warm_up()
            try:
                return self._ledger.execute(call, ask)
            except TikHubCutBodyError as error:
                # The same call is cut at the same place every time; only a smaller page gets through
                # (seen at 20 and more videos of about 70 KB each).
                size = max(1, size // 2)
                self._landing.set_page_size(search, size)
                if error.failed_attempts >= self._retries.tries_per_call:
                    raise
                log.warning("%s Trying again with %d videos per page.", error, size)

    def _require_tries_left(self, call: Call) -> None:
        """A task with several hashtags is tried again for one of them, when another one has had its tries."""
        failures = self._ledger.failures(call)
        if failures.count >= max_attempts(failures.last_error_type, self._retries):
            raise TikHubGivenUpError(
                f"The {call} has failed {failures.count} times ({failures.last_error_type}) and is not tried again.",
                route=call.route,
                subject=call.hashtag,
            )


def stop_reason(page: VideoPage, seen: set[str], offset_limit: int) -> StopReason | None:
    """Whether the search ends with this page, and why; ``has_more`` alone is not to be trusted."""
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
    """Search the hashtags one after the other; one that fails does not keep the others from being searched.

    :return: pages in the landing and profiles read
    :raises TikHubError: one that is to be tried again, or that of the only hashtag.
    :raises HashtagsFailedError: some hashtags have failed, and no further try can help.
    :raises CallSkippedError: the run may make no further call.
    """
    hook = TikHubHook(tikhub_conn_id=TIKHUB_CONN_ID)
    counts = Counter(page_count=0, profile_count=0)
    failures: dict[str, TikHubError] = {}
    for hashtag in hashtags:
        try:
            counts.update(_extract(hashtag, run_id, hook, database, ledger))
        except (TikHubAuthError, TikHubBalanceError):
            # They end all calling of the run.
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
    return {"page_count": search.page_count, "profile_count": outcomes[ProfileOutcome.READ]}


def _raise_failures(failures: Mapping[str, TikHubError], hashtag_count: int, retries: Retries) -> None:
    """Fail a task after all of its hashtags had their turn: for a retry as long as one can help any of them.

    :param failures: the failed hashtags' errors
    :param hashtag_count: of the task
    :raises TikHubError: the one that is to be tried again, or that of the task's only hashtag.
    :raises HashtagsFailedError: no further try can help.
    """
    if not failures:
        return
    worth_trying = [error for error in failures.values() if is_retryable(error, retries)]
    if worth_trying or hashtag_count == 1:
        # Of them all the longest pause is kept.
        raise max(worth_trying or failures.values(), key=lambda error: error.failed_attempts)
    reasons = "; ".join(f"#{hashtag}: {error}" for hashtag, error in failures.items())
    raise HashtagsFailedError(
        f"{len(failures)} of the {hashtag_count} hashtags of this task failed, the others are landed. {reasons}"
    )
