"""Every failing status of TikHub, with every kind of body seen with it."""

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
from tests.tikhub.odd_server import OddServer, PlannedResponse, envelope, http, json_response

DETAIL = {"code": 0, "request_id": "0f0e0d0c-1111-2222-3333-444455556666", "message": "Message of TikHub."}
VALIDATION = [{"loc": ["query", "count"], "msg": "Input should be less than 101", "type": "less_than", "input": "999"}]

BODIES: dict[str, bytes] = {
    "object detail": json.dumps({"detail": DETAIL}).encode(),
    "text detail": b'{"detail": "Not Found"}',
    "web page": b"<!DOCTYPE html><html><body>Error</body></html>",
    "empty": b"",
    "list": b"[]",
    "cut": b'{"detail": {"message": "Message of',
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


def fetch_error(hook: TikHubHook) -> errors.TikHubError:
    with pytest.raises(errors.TikHubError) as caught:
        search(hook, offset=40)
    return caught.value


@pytest.mark.parametrize(("status", "expected"), STATUSES.items())
def test_each_status_has_its_error_and_is_not_billed(
    hook: TikHubHook, odd_server: OddServer, status: int, expected: type[errors.TikHubError]
) -> None:
    odd_server.plan(http(status, then="close"))
    error = fetch_error(hook)
    assert type(error) is expected
    assert (error.status, error.inner_status, error.is_billed) == (status, None, False)
    assert (error.route, error.subject) == ("/api/v1/tiktok/app/v3/fetch_video_search_result", "pottery")
    assert len(odd_server.requests) == 1


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_status_decides_with_any_body(hook: TikHubHook, odd_server: OddServer, body: bytes) -> None:
    odd_server.plan(http(402, body))
    error = fetch_error(hook)
    assert type(error) is errors.TikHubBalanceError
    assert (error.status, error.inner_status, error.is_billed) == (402, None, False)


@pytest.mark.parametrize("then", ["close", "hang", "drip"])
def test_error_keeps_its_class_without_its_body(
    hook: TikHubHook, odd_server: OddServer, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    monkeypatch.setattr(TikHubHook, "timeout_seconds", 0.2)
    monkeypatch.setattr(TikHubHook, "body_deadline_seconds", 0.1)
    odd_server.plan(http(402, b'{"detail": {"mess', length=50_000, then=then))
    assert type(fetch_error(hook)) is errors.TikHubBalanceError


def inner_failure(status: int | str) -> dict[str, Any]:
    """Return a response with a failing status of the platform."""
    return envelope({"status_code": status})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (envelope({"search_item_list": []}, code=402), errors.TikHubBalanceError),
        ({"detail": {"code": 402, "message": "Message of TikHub."}}, errors.TikHubBalanceError),
        (inner_failure(402), errors.TikHubBalanceError),
        (envelope({"statusCode": 402}), errors.TikHubBalanceError),
        (envelope({"BaseResp": {"StatusCode": 402}}), errors.TikHubBalanceError),
        (inner_failure("402"), errors.TikHubBalanceError),
        (inner_failure(429), errors.TikHubRateLimitError),
        (inner_failure(500), errors.TikHubTransientError),
        (inner_failure(1), errors.TikHubAmbiguousError),
        (inner_failure(-1), errors.TikHubAmbiguousError),
        (inner_failure(10222), errors.TikHubAmbiguousError),
    ],
)
def test_inner_status_decides_and_is_billed(
    hook: TikHubHook, odd_server: OddServer, body: dict[str, Any], expected: type[errors.TikHubError]
) -> None:
    odd_server.plan(json_response(body))
    error = fetch_error(hook)
    assert type(error) is expected
    assert error.inner_status is not None
    assert (error.status, error.is_billed) == (200, True)


def test_missing_account_is_final_for_a_profile_only(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(json_response(envelope({"statusCode": 10221})))
    with pytest.raises(errors.TikHubAccountNotFoundError):
        hook.fetch_profile(user_id="7011223344556677889")
    assert type(fetch_error(hook)) is errors.TikHubAmbiguousError


@pytest.mark.parametrize("inner_status", [0, 200, "200", None, "ok", True, 2.5, []])
def test_other_inner_statuses_do_not_fail(hook: TikHubHook, odd_server: OddServer, inner_status: Any) -> None:
    data = {"status_code": inner_status, "statusCode": inner_status, "BaseResp": {"StatusCode": inner_status}}
    odd_server.plan(json_response(envelope(data, code=inner_status)))
    assert search(hook).received_count == 0


@pytest.mark.parametrize(
    ("status", "hints"),
    [
        (302, ["redirect", "base URL", "`tikhub`"]),
        (401, ["`tikhub`", "TIKHUB_API_KEY", "AIRFLOW_CONN_TIKHUB", "password"]),
        (402, ["balance", "Top up"]),
        (403, ["`tikhub`", "scopes", "e-mail"]),
        (404, ["route", "base URL"]),
        (429, ["rate of calls"]),
    ],
)
def test_error_says_what_happened_where_and_what_to_do(
    hook: TikHubHook, odd_server: OddServer, status: int, hints: list[str]
) -> None:
    odd_server.plan(json_response({"detail": DETAIL}, status))
    error = fetch_error(hook)
    context = [f"HTTP {status}", "'pottery'", "offset 40", "/api/v1/tiktok/app/v3/fetch_video_search_result"]
    for text in [*hints, *context, "Message of TikHub.", "0f0e0d0c-1111-2222-3333-444455556666"]:
        assert text in str(error)
    assert error.request_id == "0f0e0d0c-1111-2222-3333-444455556666"


def test_refused_parameter_is_named_without_echoed_input(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(json_response({"detail": VALIDATION}, 422))
    text = str(fetch_error(hook))
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
def test_rate_limit_error_has_the_requested_wait(
    hook: TikHubHook, odd_server: OddServer, headers: dict[str, str], seconds: float
) -> None:
    odd_server.plan(json_response({"detail": DETAIL}, 429, headers=headers))
    error = fetch_error(hook)
    assert isinstance(error, errors.TikHubRateLimitError)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("name", "format_time"),
    [
        ("Retry-After", lambda time: format_datetime(time, usegmt=True)),
        ("Retry-After", lambda time: format_datetime(time.replace(tzinfo=None))),
        ("X-RateLimit-Reset", lambda time: str(int(time.timestamp()))),
        ("X-RateLimit-Reset", lambda time: str(int(time.timestamp() * 1000))),
    ],
    ids=["HTTP date", "date without zone", "unix seconds", "unix milliseconds"],
)
def test_rate_limit_error_with_an_end_time_has_the_time_left(
    hook: TikHubHook, odd_server: OddServer, name: str, format_time: Callable[[datetime], str]
) -> None:
    sent_at = datetime.now(UTC)
    end = sent_at.replace(microsecond=0) + timedelta(days=1)
    odd_server.plan(json_response({"detail": DETAIL}, 429, headers={name: format_time(end)}))
    error = fetch_error(hook)
    received_at = datetime.now(UTC)
    assert isinstance(error, errors.TikHubRateLimitError)
    assert error.retry_after is not None
    assert end - received_at <= timedelta(seconds=error.retry_after) <= end - sent_at


@pytest.mark.parametrize(
    "value",
    ["", "soon", "-5", "nan", "9" * 400, "Sun, 99 Nov 1994 08:49:37 GMT", "Mon, 1 Jan 99999 0:0 GMT"],
)
def test_invalid_wait_is_unknown(hook: TikHubHook, odd_server: OddServer, value: str) -> None:
    odd_server.plan(json_response({"detail": DETAIL}, 429, headers={"Retry-After": value, "X-RateLimit-Reset": value}))
    error = fetch_error(hook)
    assert isinstance(error, errors.TikHubRateLimitError)
    assert error.retry_after is None


def test_inner_rate_limit_error_has_the_wait(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(json_response(envelope(None, code=429), headers={"Retry-After": "4"}))
    error = fetch_error(hook)
    assert isinstance(error, errors.TikHubRateLimitError)
    assert error.retry_after == 4


def test_redirect_is_not_followed(hook: TikHubHook, odd_server: OddServer) -> None:
    odd_server.plan(http(302, headers={"Location": f"{odd_server.url}/elsewhere"}), json_response(envelope({})))
    assert type(fetch_error(hook)) is errors.TikHubRequestError
    assert [request.path for request in odd_server.requests] == ["/api/v1/tiktok/app/v3/fetch_video_search_result"]


UNUSABLE: dict[str, tuple[PlannedResponse, bool | None]] = {
    "web page": (http(200, b"<html></html>"), None),
    "empty": (http(200, b""), None),
    "no content": (PlannedResponse(b"HTTP/1.1 204 No Content\r\n\r\n"), None),
    "list": (json_response([envelope({})]), None),
    "broken JSON": (http(200, b'{"code": 200, "data": {},}'), None),
    "nested too deeply": (http(200, b'{"a":' * 100_000), None),
    "null data": (json_response(envelope(None)), True),
    "list data": (json_response(envelope([])), True),
    "items in an object": (json_response(envelope({"search_item_list": {"0": {}}})), True),
}


@pytest.mark.parametrize(("response", "is_billed"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_unusable_success_is_transient_and_not_cut(
    hook: TikHubHook, odd_server: OddServer, response: PlannedResponse, is_billed: bool | None
) -> None:
    odd_server.plan(response)
    error = fetch_error(hook)
    assert type(error) is errors.TikHubTransientError
    assert error.is_billed is is_billed
