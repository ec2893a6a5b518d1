"""The one place that judges what TikHub replied: an envelope to use, or the typed error that says what to do.

TikHub fails in three layers: the HTTP status, the `code` of its envelope, and the platform's own status nested in
`data` of a reply of HTTP 200 (which is billed all the same).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
from comets.hooks.api_key import ApiKey
from comets.hooks.envelopes import (
    Unreadable,
    decode_envelope,
    error_message,
    failing_inner_status,
    refused_params,
    request_id,
)
from comets.hooks.transport import NoReply, Reply
from comets.hooks.waits import wait_seconds


@dataclass(frozen=True)
class Question:
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
class _Verdict:
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

_VERDICTS = {
    400: _Verdict(
        TikHubAmbiguousError,
        "could not answer, for one of three reasons: bad input, an unknown account, or a passing fault of the platform",
        "If it stays so, check that the hashtag or the account exists.",
    ),
    401: _Verdict(TikHubAuthError, "refused the API key", _FIX_KEY),
    402: _Verdict(
        TikHubBalanceError,
        "refused the call for lack of balance",
        "Top up the account at TikHub (some routes do not take free credit), then clear the failed task.",
    ),
    403: _Verdict(
        TikHubAuthError,
        "forbids this call",
        "At TikHub, check that the account is enabled, its e-mail verified, and this route within the key's scopes. "
        + _FIX_KEY,
    ),
    404: _Verdict(TikHubRequestError, "does not know this route", CHECK_URL),
    405: _Verdict(TikHubRequestError, "does not take GET on this route", CHECK_URL),
    408: _Verdict(TikHubTransientError, "timed out", _LATER),
    422: _Verdict(TikHubRequestError, "refused the parameters", "Check the run's params."),
    425: _Verdict(TikHubTransientError, "was not ready", _LATER),
    429: _Verdict(TikHubRateLimitError, "asks to call less often", _SLOWER),
    # TikTok's own code, seen nested in HTTP 200. Its neighbours, such as 10222, are not understood.
    10221: _Verdict(TikHubAccountNotFoundError, "says that there is no such account"),
}
_VERDICT_FAMILIES = {
    3: _Verdict(TikHubRequestError, "redirects elsewhere, which is not followed", CHECK_URL),
    4: _Verdict(TikHubRequestError, "refused the request", CHECK_URL),
    5: _Verdict(TikHubTransientError, "or the platform behind it failed", _LATER),
}
_STRANGE_STATUS = _Verdict(TikHubTransientError, "answered with a status that HTTP does not have", CHECK_URL)


def judge_reply(question: Question, reply: Reply, key: ApiKey) -> dict[str, Any]:
    """Return the envelope of a successful reply, without what must not reach a table: the key and the `cache_url`.

    :raises TikHubError: the class says what to do about the failure
    """
    envelope = decode_envelope(reply.body)
    if not 200 <= reply.status < 300:
        # The status decides: the bodies of errors come from the CDN too, and may be cut like any other.
        readable = {} if isinstance(envelope, Unreadable) else envelope
        raise _status_failure(question, reply, readable, None, key)
    if reply.cut_off:
        raise _body_failure(question, TikHubCutBodyError, reply, reply.cut_off)
    if isinstance(envelope, Unreadable):
        error = TikHubCutBodyError if envelope.is_cut else TikHubTransientError
        raise _body_failure(question, error, reply, f"it is {envelope.flaw}")
    inner_status = failing_inner_status(envelope)
    if inner_status is not None:
        raise _status_failure(question, reply, envelope, inner_status, key)
    return key.clean(envelope)


def no_reply_failure(question: Question, no_reply: NoReply) -> TikHubError:
    """Return the error for a call that brought no reply at all."""
    error = TikHubRequestError if no_reply.is_request_wrong else TikHubTransientError
    return failure(question, error, no_reply.reason, CHECK_URL, is_billed=None if no_reply.was_sent else False)


def failure(
    question: Question, error: type[TikHubError], meaning: str, remedy: str = "", *, said: str = "", **facts: Any
) -> TikHubError:
    """Return an error of class `error` whose text says what happened, where, and what to do.

    :param meaning: goes on from "TikHub"
    :param said: words of TikHub's that are safe to show
    :param facts: attributes of the error
    """
    trace = facts.get("request_id")
    sentences = (
        f"TikHub {meaning}: {question.what}{f' ({question.route})' if question.route else ''}.",
        remedy.format(conn_id=question.conn_id),
        f'TikHub says: "{said}".' if said else "",
        f"TikHub's request id is {trace}." if trace else "",
    )
    text = " ".join(sentence for sentence in sentences if sentence)
    return error(text, route=question.route, subject=question.subject, **facts)


def _body_failure(question: Question, error: type[TikHubError], reply: Reply, flaw: str) -> TikHubError:
    return failure(question, error, f"sent a body that cannot be used, as {flaw}", _LATER, status=reply.status)


def _status_failure(
    question: Question, reply: Reply, envelope: Mapping[str, Any], inner_status: int | None, key: ApiKey
) -> TikHubError:
    if inner_status is None:
        verdict, status = _verdict(question, reply.status, _STRANGE_STATUS), f"HTTP {reply.status}"
    else:
        verdict = _verdict(question, inner_status, _VERDICTS[400])
        status = f"HTTP {reply.status}, inner status {inner_status}"
    facts: dict[str, Any] = {"retry_after": wait_seconds(reply.headers)} if verdict.is_about_rate else {}
    refused = refused_params(envelope, question.params)
    return failure(
        question,
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


def _verdict(question: Question, status: int, default: _Verdict) -> _Verdict:
    verdict = _VERDICTS.get(status) or _VERDICT_FAMILIES.get(status // 100, default)
    if verdict.error is TikHubAccountNotFoundError and not question.is_about_account:
        return default
    return verdict
