"""The ways in which a call of TikHub can fail, one class per way of handling it.

No text, argument or attribute of these errors holds the API key, a header, a body or a `cache_url`: TikHub's error
bodies echo the request's headers, key included, and Airflow writes exceptions into task logs.
"""

from __future__ import annotations

from typing import Any


class TikHubError(Exception):
    """A call of TikHub that gave no usable answer.

    :param message: what happened, where, and what the user can do about it
    :param route: path of the TikHub route; None when no call was made because the connection itself is at fault
    :param subject: the hashtag or the account that the call was about
    :param status: HTTP status of the reply; None without any reply
    :param inner_status: the failing code inside a reply of HTTP 200
    :param is_billed: True when TikHub charges the call (HTTP 200), False when it does not, None when nobody can know
    :param request_id: TikHub's id of the call, for its support

    `failed_tries` is 1 until the ledger of calls counts how often this very call has failed.
    """

    failed_tries: int = 1

    def __init__(
        self,
        message: str,
        *,
        route: str | None,
        subject: str | None = None,
        status: int | None = None,
        inner_status: int | None = None,
        is_billed: bool | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.route = route
        self.subject = subject
        self.status = status
        self.inner_status = inner_status
        self.is_billed = is_billed
        self.request_id = request_id

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without calling the constructor, whose keyword-only arguments BaseException cannot repeat."""
        return _restore, (type(self), self.args, self.__dict__)


class TikHubAuthError(TikHubError):
    """The API key is missing, unusable, refused or lacks a right: fix the connection, then run again."""


class TikHubBalanceError(TikHubError):
    """The account has no balance left for this route: no further call can succeed until it is topped up."""


class TikHubRateLimitError(TikHubError):
    """Too many calls at once.

    :param retry_after: seconds to wait as the server asked for, uncapped; None when it did not say
    """

    def __init__(self, message: str, *, retry_after: float | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class TikHubTransientError(TikHubError):
    """A fault of the network, of TikHub or of the platform behind it: the same call may succeed later."""


class TikHubCutBodyError(TikHubTransientError):
    """The reply began well and its body did not arrive whole: a smaller page may get through."""


class TikHubAmbiguousError(TikHubError):
    """Bad input, an unknown account, or a platform that flaked: TikHub answers HTTP 400 to all three."""


class TikHubAccountNotFoundError(TikHubError):
    """A definite "there is no such account"."""


class TikHubRequestError(TikHubError):
    """The request itself is wrong (route, method, parameters, base URL): repeating it cannot help."""


class TikHubGivenUpError(TikHubError):
    """A call was not made, because it has failed as often as it may since the run was last cleared."""


class HashtagsFailedError(Exception):
    """Hashtags of a task have failed for good, the others of it have not; the text names each with its reason."""


def _restore(cls: type[TikHubError], args: tuple[Any, ...], attributes: dict[str, Any]) -> TikHubError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(attributes)
    return error
