"""Every status that TikHub can fail with, in every shape of body that was seen with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from comets import errors
from comets.tikhub.hook import TikHubHook
from tests.tikhub.conftest import search
from tests.tikhub.odd_server import Answer, OddServer, envelope, http, json_reply

DETAIL = {"code": 0, "request_id": "0f0e0d0c-1111-2222-3333-444455556666", "message": "Words of TikHub."}
VALIDATION = [{"loc": ["query", "count"], "msg": "Input should be less than 101", "type": "less_than", "input": "999"}]

BODIES: dict[str, bytes] = {
    "object detail": json.dumps({"detail": DETAIL}).encode(),
    "text detail": b'{"detail": "Not Found"}',
    "web page": b"<!DOCTYPE html><html><body>Error</body></html>",
    "empty": b"",
    "list": b"[]",
    "cut": b'{"detail": {"message": "Words of',
    "not text": b"\xff\xfe\x00\xd8",
    "another inner status": json.dumps({"code": 429, "detail": {"code": 429}, "data": {"status_code": 1}}).encode(),
}

STATUSES: dict[int, type[errors.TikHubError]] = {
    302: errors.TikHubRequestError,
    304: errors.TikHubRequestError,
    400: errors.TikHubAmbiguousError,
    401: errors.TikHubAuthError,
    402: errors.TikHubBalanceError,
    403: errors.TikHubAuthError,
    404: errors.TikHubRequestError,
    405: errors.TikHubRequestError,
    408: errors.TikHubTransientError,
    410: errors.TikHubRequestError,
    422: errors.TikHubRequestError,
    425: errors.TikHubTransientError,
    429: errors.TikHubRateLimitError,
    503: errors.TikHubTransientError,
    777: errors.TikHubTransientError,
}


def failure_of(hook: TikHubHook) -> errors.TikHubError:
    with pytest.raises(errors.TikHubError) as caught:
        search(hook, offset=40)
    return caught.value


@pytest.mark.parametrize(("status", "expected"), STATUSES.items())
def test_each_status_has_its_error_and_is_not_billed(
    hook: TikHubHook, odd_server: OddServer, status: int, expected: type[errors.TikHubError]
) -> None:
    odd_server.plan(http(status, then="close"))
    error = failure_of(hook)
    assert type(error) is expected
    assert (error.status, error.inner_status, error.is_billed) == (status, None, False)
    assert (error.route, error.subject) == ("/api/v1/tiktok/app/v3/fetch_video_search_result", "pottery")
    assert len(odd_server.requests) == 1


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_the_status_decides_whatever_the_body(hook: TikHubHook, odd_server: OddServer, body: bytes) -> None:
    odd_server.plan(http(402, body))
    error = failure_of(hook)
    assert type(error) is errors.TikHubBalanceError
    assert (error.status, error.inner_status, error.is_billed) == (402, None, False)


@pytest.mark.parametrize("then", ["close", "hang", "drip"])
def test_an_error_keeps_its_class_when_its_body_does_not_arrive(
    hook: TikHubHook, odd_server: OddServer, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    monkeypatch.setattr(TikHubHook, "timeout_seconds", 0.2)
    monkeypatch.setattr(TikHubHook, "body_deadline_seconds", 0.1)
    odd_server.plan(http(402, b'{"detail": {"mess', length=50_000, then=then))
    assert type(failure_of(hook)) is errors.TikHubBalanceError


def failing_inside(status: int | str) -> dict[str, Any]:
    """An answer that fails by the platform's own status."""
    return envelope({"status_code": status})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (envelope({"search_item_list": []}, code=402), errors.TikHubBalanceError),
        ({"detail": {"code": 402, "message": "Words of TikHub."}}, errors.TikHubBalanceError),
        (failing_inside(402), errors.TikHubBalanceError),
        (envelope({"statusCode": 402}), errors.TikHubBalanceError),
        (envelope({"BaseResp": {"StatusCode": 402}}), errors.TikHubBalanceError),
        (failing_inside("402"), errors.TikHubBalanceError),
        (failing_inside(429), errors.TikHubRateLimitError),
        (failing_inside(500), errors.TikHubTransientError),
        (failing_inside(1), errors.TikHubAmbiguousError),
        (failing_inside(-1), errors.TikHubAmbiguousError),
        (failing_inside(10222), errors.TikHubAmbiguousError),
    ],
)
def test_a_failing_status_inside_http_200_decides_and_is_billed(
    hook: TikHubHook, odd_server: OddServer, body: dict[str, Any], expected: type[errors.TikHubError]
) -> None:
    odd_server.plan(json_reply(body))
    error = failure_of(hook)
    assert type(error) is expected
    assert error.inner_status is not None
    assert (error.status, error.is_billed) == (200, True)


def test_a_missing_account_is_definite_for_a_profile_only(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(json_reply(envelope({"statusCode": 10221})))
    with pytest.raises(errors.TikHubAccountNotFoundError):
        hook.fetch_profile(user_id="7011223344556677889")
    assert type(failure_of(hook)) is errors.TikHubAmbiguousError


@pytest.mark.parametrize("inner_status", [0, 200, "200", None, "ok", True, 2.5, []])
def test_what_is_no_failing_status_does_not_fail(hook: TikHubHook, odd_server: OddServer, inner_status: Any) -> None:
    data = {"status_code": inner_status, "statusCode": inner_status, "BaseResp": {"StatusCode": inner_status}}
    odd_server.plan(json_reply(envelope(data, code=inner_status)))
    assert search(hook).received_count == 0


@pytest.mark.parametrize(
    ("status", "hints"),
    [
        (302, ["redirect", "base URL", "`tikhub`"]),
        (401, ["`tikhub`", "TIKHUB_API_KEY", "AIRFLOW_CONN_TIKHUB", "password"]),
        (402, ["balance", "Top up"]),
        (403, ["`tikhub`", "scopes", "e-mail"]),
        (404, ["route", "base URL"]),
        (429, ["less often"]),
    ],
)
def test_an_error_says_what_happened_where_and_what_to_do(
    hook: TikHubHook, odd_server: OddServer, status: int, hints: list[str]
) -> None:
    odd_server.plan(json_reply({"detail": DETAIL}, status))
    error = failure_of(hook)
    places = [f"HTTP {status}", "'pottery'", "offset 40", "/api/v1/tiktok/app/v3/fetch_video_search_result"]
    for part in [*hints, *places, "Words of TikHub.", "0f0e0d0c-1111-2222-3333-444455556666"]:
        assert part in str(error)
    assert error.request_id == "0f0e0d0c-1111-2222-3333-444455556666"


def test_a_refused_parameter_is_named_without_what_was_echoed(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(json_reply({"detail": VALIDATION}, 422))
    text = str(failure_of(hook))
    assert "refused: count" in text
    assert "Input should" not in text


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": " 7.5 "}, 7.5),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0),
        ({"X-RateLimit-Reset": "12"}, 12),
        ({"X-RateLimit-Reset": "1700000000"}, 0),
        ({"retry-after": "3", "x-ratelimit-reset": "99"}, 3),
        ({"Retry-After": "soon", "X-RateLimit-Reset": "5"}, 5),
    ],
)
def test_a_rate_limit_carries_the_wait_that_was_asked_for(
    hook: TikHubHook, odd_server: OddServer, headers: dict[str, str], seconds: float
) -> None:
    odd_server.plan(json_reply({"detail": DETAIL}, 429, headers=headers))
    error = failure_of(hook)
    assert isinstance(error, errors.TikHubRateLimitError)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("name", "spell"),
    [
        ("Retry-After", lambda moment: format_datetime(moment, usegmt=True)),
        ("Retry-After", lambda moment: format_datetime(moment.replace(tzinfo=None))),
        ("X-RateLimit-Reset", lambda moment: str(int(moment.timestamp()))),
        ("X-RateLimit-Reset", lambda moment: str(int(moment.timestamp() * 1000))),
    ],
    ids=["HTTP date", "date without zone", "unix seconds", "unix milliseconds"],
)
def test_a_rate_limit_until_a_moment_carries_the_time_left(
    hook: TikHubHook, odd_server: OddServer, name: str, spell: Callable[[datetime], str]
) -> None:
    asked_at = datetime.now(UTC)
    moment = asked_at.replace(microsecond=0) + timedelta(days=1)
    odd_server.plan(json_reply({"detail": DETAIL}, 429, headers={name: spell(moment)}))
    error = failure_of(hook)
    answered_at = datetime.now(UTC)
    assert isinstance(error, errors.TikHubRateLimitError)
    assert error.retry_after is not None
    assert moment - answered_at <= timedelta(seconds=error.retry_after) <= moment - asked_at


@pytest.mark.parametrize(
    "value",
    ["", "soon", "-5", "nan", "9" * 400, "Sun, 99 Nov 1994 08:49:37 GMT", "Mon, 1 Jan 99999 0:0 GMT"],
)
def test_an_unintelligible_wait_is_unknown(hook: TikHubHook, odd_server: OddServer, value: str) -> None:
    odd_server.plan(json_reply({"detail": DETAIL}, 429, headers={"Retry-After": value, "X-RateLimit-Reset": value}))
    error = failure_of(hook)
    assert isinstance(error, errors.TikHubRateLimitError)
    assert error.retry_after is None


def test_a_rate_limit_inside_http_200_carries_the_wait_too(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(json_reply(envelope(None, code=429), headers={"Retry-After": "4"}))
    error = failure_of(hook)
    assert isinstance(error, errors.TikHubRateLimitError)
    assert error.retry_after == 4


def test_a_redirect_is_not_followed(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(http(302, headers={"Location": f"{odd_server.url}/elsewhere"}), json_reply(envelope({})))
    assert type(failure_of(hook)) is errors.TikHubRequestError
    assert [request.path for request in odd_server.requests] == ["/api/v1/tiktok/app/v3/fetch_video_search_result"]


UNUSABLE: dict[str, tuple[Answer, bool | None]] = {
    "web page": (http(200, b"<html></html>"), None),
    "empty": (http(200, b""), None),
    "no content": (Answer(b"HTTP/1.1 204 No Content\r\n\r\n"), None),
    "list": (json_reply([envelope({})]), None),
    "broken JSON": (http(200, b'{"code": 200, "data": {},}'), None),
    "nested too deeply": (http(200, b'{"a":' * 100_000), None),
    "null data": (json_reply(envelope(None)), True),
    "list data": (json_reply(envelope([])), True),
    "items in an object": (json_reply(envelope({"search_item_list": {"0": {}}})), True),
}


@pytest.mark.parametrize(("answer", "is_billed"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_success_is_transient_and_not_cut(
    hook: TikHubHook, odd_server: OddServer, answer: Answer, is_billed: bool | None
) -> None:
    odd_server.plan(answer)
    error = failure_of(hook)
    assert type(error) is errors.TikHubTransientError
    assert error.is_billed is is_billed
