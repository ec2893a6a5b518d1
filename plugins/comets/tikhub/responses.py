"""The one place that judges what TikHub replied: an envelope to use, or the typed error that says what to do.

TikHub fails in three layers: the HTTP status, the `code` of its envelope, and the platform's own status nested in
`data` of a reply of HTTP 200 (which is billed all the same).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from comets.errors import (
    TikHubAccountNotFoundError,
    TikHubAmbiguousError,
    TikHubAuthError,
    TikHubBalanceError,
    TikHubCutBodyError,
    TikHubError,
    TikHubRateLimitError,
    TikHubRequestError,
    TikHubTransientError,
)
from comets.tikhub.connection import ApiKey
from comets.tikhub.envelope import (
    Unreadable,
    decode_envelope,
    error_message,
    failing_inner_status,
    refused_params,
    request_id,
)
from comets.tikhub.transport import ConnectionFailure, RawResponse


@dataclass(frozen=True)
class RequestInfo:
    """One call of TikHub, as its errors and its log line tell of it.

    :param route: None for the question why no call can be made
    :param what: the call in words, with the hashtag or the account and the offset
    :param subject: the hashtag or the account alone
    :param conn_id: the Airflow connection that it is made with
    """

    route: str | None
    what: str
    conn_id: str
    subject: str | None = None
    params: Mapping[str, str | int] = field(default_factory=dict)
    is_about_account: bool = False


@dataclass(frozen=True)
class ErrorSpec:
    error: type[TikHubError]
    meaning: str
    remedy: str = ""

    @property
    def is_about_rate(self) -> bool:
        return self.error is TikHubRateLimitError


_FIX_KEY = (
    "Put a valid API key into the password of the Airflow connection `{conn_id}` (in the environment: TIKHUB_API_KEY "
    "or AIRFLOW_CONN_TIKHUB), then clear the failed task."
)
CHECK_URL = "Check the base URL: the host of the Airflow connection `{conn_id}` (in the environment: TIKHUB_BASE_URL)."
_SLOWER = "If it lasts, lower requests_per_second (include/comets.yaml, or COMETS_REQUESTS_PER_SECOND)."
_LATER = "If it lasts, look at TikHub's status, then clear the failed task."

_ERRORS_BY_STATUS = {
    400: ErrorSpec(
        TikHubAmbiguousError,
        "could not answer, for one of three reasons: bad input, an unknown account, or a passing fault of the platform",
        "If it stays so, check that the hashtag or the account exists.",
    ),
    401: ErrorSpec(TikHubAuthError, "refused the API key", _FIX_KEY),
    402: ErrorSpec(
        TikHubBalanceError,
        "refused the call for lack of balance",
        "Top up the account at TikHub (some routes do not take free credit), then clear the failed task.",
    ),
    403: ErrorSpec(
        TikHubAuthError,
        "forbids this call",
        "At TikHub, check that the account is enabled, its e-mail verified, and this route within the key's scopes. "
        + _FIX_KEY,
    ),
    404: ErrorSpec(TikHubRequestError, "does not know this route", CHECK_URL),
    405: ErrorSpec(TikHubRequestError, "does not take GET on this route", CHECK_URL),
    408: ErrorSpec(TikHubTransientError, "timed out", _LATER),
    422: ErrorSpec(TikHubRequestError, "refused the parameters", "Check the run's params."),
    425: ErrorSpec(TikHubTransientError, "was not ready", _LATER),
    429: ErrorSpec(TikHubRateLimitError, "asks to call less often", _SLOWER),
    # TikTok's own code, seen nested in HTTP 200. Its neighbours, such as 10222, are not understood.
    10221: ErrorSpec(TikHubAccountNotFoundError, "says that there is no such account"),
}
_ERRORS_BY_CLASS = {
    3: ErrorSpec(TikHubRequestError, "redirects elsewhere, which is not followed", CHECK_URL),
    4: ErrorSpec(TikHubRequestError, "refused the request", CHECK_URL),
    5: ErrorSpec(TikHubTransientError, "or the platform behind it failed", _LATER),
}
_STRANGE_STATUS = ErrorSpec(TikHubTransientError, "answered with a status that HTTP does not have", CHECK_URL)


def parse_response(request: RequestInfo, reply: RawResponse, key: ApiKey) -> dict[str, Any]:
    """Return the envelope of a successful reply, without what must not reach a table: the key and the `cache_url`.

    :raises TikHubError: the class says what to do about the failure
    """
    envelope = decode_envelope(reply.body)
    if not 200 <= reply.status < 300:
        # The status decides: the bodies of errors come from the CDN too, and may be cut like any other.
        readable = {} if isinstance(envelope, Unreadable) else envelope
        raise _status_error(request, reply, readable, None, key)
    if reply.cut_off:
        raise _body_error(request, TikHubCutBodyError, reply, reply.cut_off)
    if isinstance(envelope, Unreadable):
        error = TikHubCutBodyError if envelope.is_cut else TikHubTransientError
        raise _body_error(request, error, reply, f"it is {envelope.flaw}")
    inner_status = failing_inner_status(envelope)
    if inner_status is not None:
        raise _status_error(request, reply, envelope, inner_status, key)
    return key.clean(envelope)


def connection_failure_error(request: RequestInfo, no_reply: ConnectionFailure) -> TikHubError:
    """Return the error for a call that brought no reply at all."""
    error = TikHubRequestError if no_reply.is_request_wrong else TikHubTransientError
    return build_error(request, error, no_reply.reason, CHECK_URL, is_billed=None if no_reply.was_sent else False)


def build_error(
    request: RequestInfo, error: type[TikHubError], meaning: str, remedy: str = "", *, said: str = "", **facts: Any
) -> TikHubError:
    """Return an error of class `error` whose text says what happened, where, and what to do.

    :param meaning: goes on from "TikHub"
    :param said: words of TikHub's that are safe to show
    :param facts: attributes of the error
    """
    trace = facts.get("request_id")
    sentences = (
        f"TikHub {meaning}: {request.what}{f' ({request.route})' if request.route else ''}.",
        remedy.format(conn_id=request.conn_id),
        f'TikHub says: "{said}".' if said else "",
        f"TikHub's request id is {trace}." if trace else "",
    )
    text = " ".join(sentence for sentence in sentences if sentence)
    return error(text, route=request.route, subject=request.subject, **facts)


def _body_error(request: RequestInfo, error: type[TikHubError], reply: RawResponse, flaw: str) -> TikHubError:
    return build_error(request, error, f"sent a body that cannot be used, as {flaw}", _LATER, status=reply.status)


def _status_error(
    request: RequestInfo, reply: RawResponse, envelope: Mapping[str, Any], inner_status: int | None, key: ApiKey
) -> TikHubError:
    if inner_status is None:
        verdict, status = _error_spec(request, reply.status, _STRANGE_STATUS), f"HTTP {reply.status}"
    else:
        verdict = _error_spec(request, inner_status, _ERRORS_BY_STATUS[400])
        status = f"HTTP {reply.status}, inner status {inner_status}"
    facts: dict[str, Any] = {"retry_after": wait_seconds(reply.headers)} if verdict.is_about_rate else {}
    refused = refused_params(envelope, request.params)
    return build_error(
        request,
        verdict.error,
        f"{verdict.meaning} ({status}{'; refused: ' if refused else ''}{', '.join(refused)})",
        verdict.remedy,
        said=key.quote_safely(error_message(envelope)),
        status=reply.status,
        inner_status=inner_status,
        is_billed=inner_status is not None,
        request_id=request_id(envelope),
        **facts,
    )


def _error_spec(request: RequestInfo, status: int, default: ErrorSpec) -> ErrorSpec:
    verdict = _ERRORS_BY_STATUS.get(status) or _ERRORS_BY_CLASS.get(status // 100, default)
    if verdict.error is TikHubAccountNotFoundError and not request.is_about_account:
        return default
    return verdict


# From here on a number is a moment, not a length: 10**8 seconds are three years. Milliseconds have more digits still.
_MOMENT_FROM = 10**8
_MILLISECONDS_FROM = 10**11


def wait_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait, never negative, uncapped; None when it does not say so intelligibly.

    `Retry-After` holds seconds or an HTTP date. `X-RateLimit-Reset` holds seconds from now or a moment as unix time, in
    seconds or milliseconds: TikHub's own client handles the first two.
    """
    wait = _parse_retry_after(headers.get("Retry-After", ""))
    return _parse_reset(headers.get("X-RateLimit-Reset", "")) if wait is None else wait


def _parse_retry_after(text: str) -> float | None:
    seconds = _parse_seconds(text)
    if seconds is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return _seconds_until(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _parse_reset(text: str) -> float | None:
    value = _parse_seconds(text)
    if value is None or value < _MOMENT_FROM:
        return value
    return _seconds_until(datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS_FROM else value, UTC))


def _parse_seconds(text: str) -> float | None:
    match = re.fullmatch(r"\s*([0-9]{1,13}(?:\.[0-9]{1,9})?)\s*", text)
    return float(match[1]) if match else None


def _seconds_until(moment: datetime) -> float:
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
