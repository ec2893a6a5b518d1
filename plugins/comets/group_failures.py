"""What becomes of a task of which some hashtags have failed."""

from __future__ import annotations

from collections.abc import Mapping

from comets.errors import TikHubError
from comets.settings import Retries
from comets.tries import is_worth_another_try


class HashtagsFailedError(RuntimeError):
    """Hashtags of a task have failed for good, the others of it have not; the text names each with its reason."""


def raise_failures(failures: Mapping[str, TikHubError], hashtag_count: int, retries: Retries) -> None:
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
