"""The search of the hashtags of one task, each for itself."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from comets.accounts import Reading
from comets.database import Database
from comets.errors import HashtagsFailedError, TikHubAuthError, TikHubBalanceError, TikHubError
from comets.extraction import HashtagExtraction
from comets.hooks.tikhub import TikHubHook
from comets.landing import SearchLanding
from comets.ledger import Ledger
from comets.profiles import ProfileReader
from comets.roll_call import unknown_authors
from comets.settings import TIKHUB_CONN_ID, Retries, settings
from comets.tries import is_worth_another_try

# Airflow sets the level of this tree of loggers; below the root logger, INFO would be lost in `airflow dags test`.
log = logging.getLogger(f"airflow.task.{__name__}")


def extract_group(hashtags: Sequence[str], run_id: str, database: Database, ledger: Ledger) -> dict[str, int]:
    """Search the hashtags one after the other; one that fails does not keep the others from being searched.

    :return: pages in the landing and profiles read
    :raises TikHubError: one that is to be tried again, or that of the only hashtag.
    :raises HashtagsFailedError: some hashtags have failed, and no further try can help.
    :raises CallRefusedError: the run may make no further call.
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
    readings = ProfileReader(
        hook=hook,
        database=database,
        ledger=ledger,
        run_id=run_id,
        tries_per_call=retries.tries_per_call,
        rate_limit_tries=retries.rate_limit_tries,
        hashtag=hashtag,
    ).read_all(unknown_authors(database, run_id, hashtag))
    return {"page_count": search.page_count, "profile_count": readings[Reading.READ]}


def _raise_failures(failures: Mapping[str, TikHubError], hashtag_count: int, retries: Retries) -> None:
    """Fail a task after all of its hashtags had their turn: for a retry as long as one can help any of them.

    :param failures: the failed hashtags' errors
    :param hashtag_count: of the task
    :raises TikHubError: the one that is to be tried again, or that of the task's only hashtag.
    :raises HashtagsFailedError: no further try can help.
    """
    if not failures:
        return
    worth_trying = [error for error in failures.values() if is_worth_another_try(error, retries)]
    if worth_trying or hashtag_count == 1:
        # Of them all the longest pause is kept.
        raise max(worth_trying or failures.values(), key=lambda error: error.failed_tries)
    reasons = "; ".join(f"#{hashtag}: {error}" for hashtag, error in failures.items())
    raise HashtagsFailedError(
        f"{len(failures)} of the {hashtag_count} hashtags of this task failed, the others are landed. {reasons}"
    )
