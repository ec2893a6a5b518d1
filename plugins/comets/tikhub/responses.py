"""Conversion of TikHub's responses into envelopes or typed errors.

TikHub reports failures in three layers: the HTTP status, the `code` of its envelope, and the platform's own status in
`data` of a response of HTTP 200, which is billed.
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
    """A TikHub call, as named in its errors and its log line.

    :param route: None when no call can be made
    :param description: text with the hashtag or the account, and the offset
    :param conn_id: id of the Airflow connection
    :param subject: the hashtag or the account
    :param is_profile: whether the call fetches a profile
    """

    route: str | None
    description: str
    conn_id: str
    subject: str | None = None
    params: Mapping[str, str | int] = field(default_factory=dict)
    is_profile: bool = False


@dataclass(frozen=True)
class ErrorSpec:
    """The error class of a status, with the text for users. `meaning` follows the word "TikHub"."""

    error_class: type[TikHubError]
    meaning: str
    remedy: str = ""


_FIX_KEY = (
    "Set a valid API key as the password of the Airflow connection `{conn_id}` (in the environment: TIKHUB_API_KEY or "
    "AIRFLOW_CONN_TIKHUB), then clear the failed task."
)
CHECK_URL = "Check the base URL: the host of the Airflow connection `{conn_id}` (in the environment: TIKHUB_BASE_URL)."
_LOWER_RATE = "If this persists, lower requests_per_second (include/comets.yaml, or COMETS_REQUESTS_PER_SECOND)."
_CHECK_STATUS = "If this persists, check TikHub's status page, then clear the failed task."

_ERRORS_BY_STATUS = {
    400: ErrorSpec(
        TikHubAmbiguousError,
        "refused the request for one of three reasons: bad input, an unknown account, or a temporary platform failure",
        "If this persists, check that the hashtag or the account exists.",
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
        "Check at TikHub that the account is enabled, its e-mail is verified and the key's scopes include this route. "
        + _FIX_KEY,
    ),
    404: ErrorSpec(TikHubRequestError, "does not know this route", CHECK_URL),
    405: ErrorSpec(TikHubRequestError, "does not allow GET on this route", CHECK_URL),
    408: ErrorSpec(TikHubTransientError, "timed out", _CHECK_STATUS),
    422: ErrorSpec(TikHubRequestError, "refused the parameters", "Check the params of the run."),
    425: ErrorSpec(TikHubTransientError, "was not ready", _CHECK_STATUS),
    429: ErrorSpec(TikHubRateLimitError, "limits the rate of calls", _LOWER_RATE),
    # TikTok's own status, seen inside HTTP 200. The meaning of others, such as 10222, is unknown.
    10221: ErrorSpec(TikHubAccountNotFoundError, "reports that the account does not exist"),
}
_ERRORS_BY_CLASS = {
    3: ErrorSpec(TikHubRequestError, "sent a redirect, which is not followed", CHECK_URL),
    4: ErrorSpec(TikHubRequestError, "refused the request", CHECK_URL),
    5: ErrorSpec(TikHubTransientError, "or the platform behind it failed", _CHECK_STATUS),
}
_INVALID_STATUS = ErrorSpec(TikHubTransientError, "sent an invalid HTTP status", CHECK_URL)


def parse_response(request: RequestInfo, response: RawResponse, key: ApiKey) -> dict[str, Any]:
    """Return the envelope of a successful response, without the key and the `cache_url`.

    :raises TikHubError: the subclass says how to handle the failure
    """
    envelope = decode_envelope(response.body)
    if not 200 <= response.status < 300:
        # The status decides, because the body may come from the CDN or be cut off.
        readable = {} if isinstance(envelope, Unreadable) else envelope
        raise _status_error(request, response, readable, None, key)
    if response.cut_off:
        raise _body_error(request, TikHubCutBodyError, response, response.cut_off)
    if isinstance(envelope, Unreadable):
        error_class = TikHubCutBodyError if envelope.is_cut else TikHubTransientError
        raise _body_error(request, error_class, response, envelope.reason)
    inner_status = failing_inner_status(envelope)
    if inner_status is not None:
        raise _status_error(request, response, envelope, inner_status, key)
    return key.clean(envelope)


def connection_failure_error(request: RequestInfo, failure: ConnectionFailure) -> TikHubError:
    """Return the error of a call without a response."""
    error_class = TikHubRequestError if failure.is_request_invalid else TikHubTransientError
    return build_error(request, error_class, failure.reason, CHECK_URL, is_billed=None if failure.was_sent else False)


def build_error(
    request: RequestInfo,
    error_class: type[TikHubError],
    meaning: str,
    remedy: str = "",
    *,
    message: str = "",
    **attributes: Any,
) -> TikHubError:
    """Return an error whose text says what happened, where, and what to do.

    :param meaning: what happened, without the subject "TikHub"
    :param message: TikHub's own message, safe to show
    :param attributes: attributes of the error
    """
    call_id = attributes.get("request_id")
    sentences = (
        f"TikHub {meaning}: {request.description}{f' ({request.route})' if request.route else ''}.",
        remedy.format(conn_id=request.conn_id),
        f'TikHub\'s message: "{message}".' if message else "",
        f"TikHub's request id: {call_id}." if call_id else "",
    )
    text = " ".join(sentence for sentence in sentences if sentence)
    return error_class(text, route=request.route, subject=request.subject, **attributes)


def _body_error(
    request: RequestInfo, error_class: type[TikHubError], response: RawResponse, reason: str
) -> TikHubError:
    meaning = f"sent an unusable body ({reason})"
    return build_error(request, error_class, meaning, _CHECK_STATUS, status=response.status)


def _status_error(
    request: RequestInfo, response: RawResponse, envelope: Mapping[str, Any], inner_status: int | None, key: ApiKey
) -> TikHubError:
    if inner_status is None:
        spec, status = _error_spec(request, response.status, _INVALID_STATUS), f"HTTP {response.status}"
    else:
        spec = _error_spec(request, inner_status, _ERRORS_BY_STATUS[400])
        status = f"HTTP {response.status}, inner status {inner_status}"
    is_rate_limit = spec.error_class is TikHubRateLimitError
    attributes: dict[str, Any] = {"retry_after": wait_seconds(response.headers)} if is_rate_limit else {}
    refused = refused_params(envelope, request.params)
    return build_error(
        request,
        spec.error_class,
        f"{spec.meaning} ({status}{'; refused: ' if refused else ''}{', '.join(refused)})",
        spec.remedy,
        message=key.quote_safely(error_message(envelope)),
        status=response.status,
        inner_status=inner_status,
        is_billed=inner_status is not None,
        request_id=request_id(envelope),
        **attributes,
    )


def _error_spec(request: RequestInfo, status: int, default: ErrorSpec) -> ErrorSpec:
    spec = _ERRORS_BY_STATUS.get(status) or _ERRORS_BY_CLASS.get(status // 100, default)
    if spec.error_class is TikHubAccountNotFoundError and not request.is_profile:
        return default
    return spec


_MIN_UNIX_SECONDS = 10**8  # as a duration, three years
_MIN_UNIX_MILLISECONDS = 10**11


def wait_seconds(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait from the response headers, at least 0 and uncapped; None when they are unreadable.

    `Retry-After` has seconds or an HTTP date. `X-RateLimit-Reset` has seconds from now, or a unix time in seconds or
    milliseconds; TikHub's own client handles the first two.
    """
    wait = _parse_retry_after(headers.get("Retry-After", ""))
    return _parse_reset(headers.get("X-RateLimit-Reset", "")) if wait is None else wait


def _parse_retry_after(text: str) -> float | None:
    seconds = _parse_seconds(text)
    if seconds is not None:
        return seconds
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return _seconds_until(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def _parse_reset(text: str) -> float | None:
    value = _parse_seconds(text)
    if value is None or value < _MIN_UNIX_SECONDS:
        return value
    return _seconds_until(datetime.fromtimestamp(value / 1000 if value >= _MIN_UNIX_MILLISECONDS else value, UTC))


def _parse_seconds(text: str) -> float | None:
    match = re.fullmatch(r"\s*([0-9]{1,13}(?:\.[0-9]{1,9})?)\s*", text)
    return float(match[1]) if match else None


def _seconds_until(instant: datetime) -> float:
    return max(0.0, (instant - datetime.now(UTC)).total_seconds())
