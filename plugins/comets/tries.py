"""How often one TikHub call may be tried."""

from __future__ import annotations

from comets.errors import (
    TikHubAccountNotFoundError,
    TikHubError,
    TikHubGivenUpError,
    TikHubRateLimitError,
    TikHubRequestError,
)
from comets.settings import Retries

_ONE_TRY = frozenset(kind.__name__ for kind in (TikHubAccountNotFoundError, TikHubGivenUpError, TikHubRequestError))


def tries_of_a_call(error_type: str | None, retries: Retries) -> int:
    """How often a call may be tried in all whose last error was of this class, as the ledger names it."""
    if error_type in _ONE_TRY:
        return 1
    return retries.rate_limit_tries if error_type == TikHubRateLimitError.__name__ else retries.tries_per_call


def is_worth_another_try(error: TikHubError, retries: Retries) -> bool:
    """Whether the call that failed may be made again."""
    return error.failed_tries < tries_of_a_call(type(error).__name__, retries)
